-- Gives a message back to the front of its line.
--
-- KEYS[1]      running hash of this consumer
-- KEYS[2]      idle zset
-- KEYS[3..12]  ready lists, priority 9 down to 0
-- ARGV[1]      field of the running hash
-- Returns      1, or 0 when the message is no longer held: nothing was done

if redis.call("HEXISTS", KEYS[1], ARGV[1]) == 0 then return 0 end
put_back(KEYS[1], { ARGV[1] }, in_line(3))
wake(KEYS[2])
return 1

-- Puts the next attempt of a message in its place.
--
-- KEYS[1]  running hash of this consumer
-- KEYS[2]  delayed zset
-- KEYS[3]  ready list of the priority
-- KEYS[4]  idle zset
-- ARGV[1]  field of the running hash
-- ARGV[2]  milliseconds to wait
-- ARGV[3]  9 - priority
-- ARGV[4]  body of the next attempt
-- Returns  1, or 0 when the message is no longer held: nothing was done

if redis.call("HDEL", KEYS[1], ARGV[1]) == 0 then return 0 end

if tonumber(ARGV[2]) > 0 then
  delay(KEYS[2], now() + ARGV[2], ARGV[3], ARGV[4])
else
  redis.call("LPUSH", KEYS[3], ARGV[4])
end

wake(KEYS[4])
return 1

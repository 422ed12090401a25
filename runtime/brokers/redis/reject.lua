-- Moves a message to the dead letters.
--
-- KEYS[1]  running hash of this consumer
-- KEYS[2]  dead letters hash
-- KEYS[3]  dead letters index zset
-- ARGV[1]  field of the running hash
-- ARGV[2]  id of the dead letter
-- ARGV[3]  the dead letter
-- Returns  1, or 0 when the message is no longer held: nothing was done

if redis.call("HDEL", KEYS[1], ARGV[1]) == 0 then return 0 end

redis.call("HSET", KEYS[2], ARGV[2], ARGV[3])
redis.call("ZADD", KEYS[3], now(), ARGV[2])
return 1

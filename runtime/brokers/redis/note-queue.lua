-- Notes that a queue is used, and forgets those that have not been for long.
--
-- KEYS[1]  queues zset
-- ARGV[1]  queue
-- ARGV[2]  milliseconds for which a queue that nobody uses is known
-- Returns  nothing

local time = now()
redis.call("ZADD", KEYS[1], time, ARGV[1])
redis.call("ZREMRANGEBYSCORE", KEYS[1], "-inf", time - ARGV[2])
redis.call("PEXPIRE", KEYS[1], ARGV[2])

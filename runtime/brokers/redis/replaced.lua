-- Says whether another message took the place of one. From then on that is remembered for a shorter time: it has
-- reached a worker, and may come back only where that one dies.
--
-- KEYS[1]  replaced zset
-- ARGV[1]  id
-- ARGV[2]  milliseconds that it is remembered from now on
-- Returns  1 or 0

local time = now()
redis.call("ZREMRANGEBYSCORE", KEYS[1], "-inf", time)

local expiry = redis.call("ZSCORE", KEYS[1], ARGV[1])
if not expiry then return 0 end
redis.call("ZADD", KEYS[1], math.min(expiry, time + ARGV[2]), ARGV[1])
return 1

-- Says whether a message is still cancelled that a worker has met, and remembers it no longer than this from now on: the
-- same message may be there twice, where it was sent twice.
--
-- KEYS[1]  cancelled zset
-- ARGV[1]  id
-- ARGV[2]  milliseconds
-- Returns  1 if it is

local expiry = tonumber(redis.call("ZSCORE", KEYS[1], ARGV[1]) or 0)
local time = now()
if expiry <= time then return 0 end
redis.call("ZADD", KEYS[1], math.min(expiry, time + ARGV[2]), ARGV[1])
return 1

-- Keeps a flow for longer, because a step of it waits.
--
-- KEYS[1]  flow hash
-- ARGV[1]  milliseconds that the step waits
-- Returns  nothing

local ttl = redis.call("HGET", KEYS[1], "ttl")
if not ttl then return end
local keep = ttl + ARGV[1]
if redis.call("PTTL", KEYS[1]) < keep then redis.call("PEXPIRE", KEYS[1], keep) end

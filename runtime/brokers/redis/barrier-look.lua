-- Tells how a barrier stands.
--
-- KEYS[1]  barrier hash
-- Returns  {1 where it is complete or 0, milliseconds that it lasts}, or nil where there is none

if redis.call("EXISTS", KEYS[1]) == 0 then return nil end
return { redis.call("HEXISTS", KEYS[1], "last"), redis.call("PTTL", KEYS[1]) }

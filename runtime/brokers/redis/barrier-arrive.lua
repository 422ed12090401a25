-- Notes that a member has come to a barrier, and tells those who wait when it is complete.
--
-- KEYS[1]  barrier hash: "parties", "arrived", "last" (the member who completed it), and "member <id>" for each
-- ARGV[1]  the member
-- ARGV[2]  the channel of those who wait
-- Returns  1 for the member who completes it, 0 for others, nil where there is no barrier

local parties = redis.call("HGET", KEYS[1], "parties")
if not parties then return nil end

if redis.call("HSETNX", KEYS[1], "member " .. ARGV[1], 1) == 1 then
  if redis.call("HINCRBY", KEYS[1], "arrived", 1) == tonumber(parties) then
    redis.call("HSET", KEYS[1], "last", ARGV[1])
    -- A user without rights on channels completes it as well: those who wait find out when their time is over.
    redis.pcall("PUBLISH", ARGV[2], "")
  end
end
return redis.call("HGET", KEYS[1], "last") == ARGV[1] and 1 or 0

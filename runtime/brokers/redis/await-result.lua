-- Returns a result that is there; else has this process told as soon as it is.
--
-- KEYS[1]  result
-- ARGV[1]  reply channel of the process
-- ARGV[2]  milliseconds that it waits at most
-- Returns  the result, or nil

-- GETEX counts as a write: after it the script may write on a server that is out of memory as well, so that callers can
-- wait there. What is removed instead could not be put back while its slot moves to another node.
local there = redis.call("GETEX", KEYS[1])
local channels = there and waiting_in(there)
if there and not channels then return there end

local waiting = there or WAITING
local known = false
if channels then
  for channel in channels do known = known or channel == ARGV[1] end
end
if not known then waiting = waiting .. "\n" .. ARGV[1] end
-- Others may wait longer than this process.
local longest = math.max(redis.call("PTTL", KEYS[1]), tonumber(ARGV[2]))
redis.call("SET", KEYS[1], waiting, "PX", longest)
return nil

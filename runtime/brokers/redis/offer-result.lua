-- Stores a result where there is none, and wakes everybody who waits for it.
--
-- KEYS[1]  result
-- ARGV[1]  the result as JSON
-- ARGV[2]  milliseconds that it is kept
-- ARGV[3]  the message's id
-- ARGV[4]  "over" where it may take the place of a failure
-- Returns  what there is instead, or nil

local there = redis.call("GET", KEYS[1])
local channels = there and waiting_in(there)
if there and not channels and (ARGV[4] ~= "over" or is_final(there)) then return there end

redis.call("SET", KEYS[1], ARGV[1], "PX", ARGV[2])
if channels then
  for channel in channels do redis.pcall("PUBLISH", channel, ARGV[3] .. " " .. ARGV[1]) end
end
return nil

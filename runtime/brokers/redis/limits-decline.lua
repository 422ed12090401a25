-- Frees the places that are kept for a message which was called and has ended without them, and calls the next ones.
--
-- KEYS, ARGV[1..7] as in limits.lua
-- ARGV[8]  the message's id
-- ARGV[9..] its lines
-- Returns  what progress() of limits.lua does

local id = ARGV[8]

-- It has been published, also where the publisher did not live to say so.
if redis.call("ZSCORE", KEYS[4], id) then forget(id) end
local freed = free_kept(id, { unpack(ARGV, 9) })
if somebody_waits then
  for _, line in ipairs(freed) do move(line) end
end
return progress()

-- Gives a slot back, and calls the next one who waits for it.
--
-- KEYS, ARGV[1..7] as in limits.lua
-- ARGV[8]  the token of the place
-- ARGV[9]  the key of the limit of concurrency
-- ARGV[10] the channel of those who wait without a message, "" where nobody may
-- Returns  what progress() of limits.lua does

if redis.call("ZREM", KEYS[7] .. ARGV[9], ARGV[8]) == 1 then
  -- A user without rights on channels gives it back as well: who waits looks again by itself.
  if ARGV[10] ~= "" then redis.pcall("PUBLISH", ARGV[10], "") end
  if somebody_waits then move("c:" .. ARGV[9]) end
end
return progress()

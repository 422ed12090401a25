-- Gives up what a message still has of some keys.
--
-- KEYS     claims
-- ARGV[1]  id
-- Returns  nothing

for _, key in ipairs(KEYS) do
  if redis.call("HGET", key, "id") == ARGV[1] then redis.call("DEL", key) end
end

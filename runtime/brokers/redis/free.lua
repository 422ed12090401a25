-- Gives up what a message still has of some keys. One that was not sent in the end gives a key back to whom it would
-- have replaced.
--
-- KEYS     claims
-- ARGV[1]  id
-- Returns  nothing

for _, key in ipairs(KEYS) do
  local id, pending, older, due, expiry =
    unpack(redis.call("HMGET", key, "id", "pending", "older", "older_due", "older_expiry"))
  if id == ARGV[1] and pending == "1" and older ~= "" then
    redis.call("HSET", key, "id", older, "due", due, "mark", "", "pending", "", "older", "")
    redis.call("PEXPIRE", key, math.max(1, expiry - now()))
  elseif id == ARGV[1] then
    redis.call("DEL", key)
  end
end

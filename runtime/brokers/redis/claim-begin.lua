-- Claims keys for a message that is sent elsewhere: they are pending until the sending is confirmed.
--
-- KEYS     claims
-- ARGV[1]  id
-- ARGV[2]  mark of this sending
-- ARGV[3]  milliseconds that the message is held back
-- ARGV[4]  milliseconds that the keys are pending at most
-- ARGV[..] for each claim, from whom the key is taken: "nobody" or "anybody"
-- Returns  {"claimed"}; {"taken", id of the message that has a key}; {"pending", milliseconds that it still is at most}

local time = now()
local holders = {}
for i, key in ipairs(KEYS) do
  local holder, due, mark, pending, older, older_due, older_expiry =
    unpack(redis.call("HMGET", key, "id", "due", "mark", "pending", "older", "older_due", "older_expiry"))
  if pending == "1" and mark ~= ARGV[2] then return { "pending", redis.call("PTTL", key) } end
  if holder and mark ~= ARGV[2] and (holder == ARGV[1] or ARGV[4 + i] == "nobody") then return { "taken", holder } end
  local expiry = time + math.max(0, redis.call("PTTL", key))
  -- Sent again, it finds itself: whom it replaces stays whom it replaced.
  if mark == ARGV[2] then holder, due, expiry = older, older_due, older_expiry end
  holders[i] = { holder or "", due or "", expiry }
end

for i, key in ipairs(KEYS) do
  -- The one before is replaced when the sending is confirmed, not before.
  redis.call("HSET", key, "id", ARGV[1], "due", time + ARGV[3], "mark", ARGV[2], "pending", "1",
    "older", holders[i][1], "older_due", holders[i][2], "older_expiry", holders[i][3])
  redis.call("PEXPIRE", key, ARGV[4])
end
return { "claimed" }

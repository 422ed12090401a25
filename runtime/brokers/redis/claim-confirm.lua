-- Confirms the keys of a message that was sent elsewhere; those that were pending for too long are others' by now.
--
-- KEYS[1]   replaced zset
-- KEYS[2..] claims
-- ARGV[1]   mark of the sending
-- ARGV[2]   milliseconds that a replaced message is remembered after it was due
-- ARGV[3..] for each claim, milliseconds that it lasts
-- Returns   nothing

local time = now()
for i = 2, #KEYS do
  local mark, pending, older, older_due = unpack(redis.call("HMGET", KEYS[i], "mark", "pending", "older", "older_due"))
  if mark == ARGV[1] and pending == "1" then
    redis.call("HSET", KEYS[i], "pending", "")
    redis.call("PEXPIRE", KEYS[i], ARGV[1 + i])
    if older ~= "" then
      local expiry = math.max(time, tonumber(older_due)) + ARGV[2]
      redis.call("ZADD", KEYS[1], expiry, older)
      if redis.call("PTTL", KEYS[1]) < expiry - time then redis.call("PEXPIRE", KEYS[1], math.ceil(expiry - time)) end
    end
  end
end

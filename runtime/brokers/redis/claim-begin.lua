-- Claims keys for a message that is sent elsewhere: they are pending until it is known to be there.
--
-- KEYS     claims
-- ARGV[1]  id
-- ARGV[2]  mark of this sending
-- ARGV[3]  milliseconds that the message is held back
-- ARGV[4]  milliseconds that the keys are pending at most
-- ARGV[..] for each claim: from whom the key is taken, "nobody" or "anybody"; milliseconds that it lasts
-- Returns  {"claimed"}; {"taken", id of the message that has a key}; {"pending", milliseconds that it still is at most}

local time = now()
local olders = {}
for i, key in ipairs(KEYS) do
  local claim = read(key)
  -- Sent again, it finds itself: whom it replaces stays whom it replaced.
  local own = claim and claim.mark == ARGV[2]
  if claim and not own then
    if claim.pending == "" and (claim.id == ARGV[1] or ARGV[3 + 2 * i] == "nobody") then return { "taken", claim.id } end
    if claim.pending ~= "" and tonumber(claim.pending) > time then return { "pending", claim.pending - time } end
  end
  olders[i] = claim and claim.olders or {}
  -- The one before is replaced when this one is known to be there, not before.
  if claim and not own and claim.id ~= ARGV[1] then
    local expiry = time + math.max(0, redis.call("PTTL", key))
    local older = { id = claim.id, due = claim.due, mark = claim.mark, pending = claim.pending, expiry = expiry }
    table.insert(olders[i], older)
  end
end

for i, key in ipairs(KEYS) do
  local claim = { id = ARGV[1], due = time + ARGV[3], mark = ARGV[2], pending = time + ARGV[4], olders = olders[i] }
  -- It outlasts its pending: its message may be there although nobody said so.
  write(key, claim, ARGV[4] + ARGV[4 + 2 * i])
end
return { "claimed" }

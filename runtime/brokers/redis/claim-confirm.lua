-- Confirms the keys of a message that was sent elsewhere.
--
-- KEYS[1]   replaced zset
-- KEYS[2..] claims
-- ARGV[1]   id
-- ARGV[2]   mark of the sending
-- ARGV[3]   milliseconds that a replaced message is remembered after it was due
-- ARGV[4..] for each claim, milliseconds that it lasts
-- Returns   the id of the message that stands for this one: its own, unless another took its place meanwhile

for i = 2, #KEYS do settle(KEYS[i], ARGV[1], ARGV[2], ARGV[2 + i], KEYS[1], ARGV[3]) end

if redis.call("ZSCORE", KEYS[1], ARGV[1]) then
  for i = 2, #KEYS do
    local claim = read(KEYS[i])
    if claim and claim.id ~= ARGV[1] then return claim.id end
  end
end
return ARGV[1]

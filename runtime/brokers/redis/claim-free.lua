-- Gives up what a message still has of some keys, also where another has asked for them since.
--
-- KEYS     claims
-- ARGV[1]  id
-- Returns  nothing

for _, key in ipairs(KEYS) do
  local claim = read(key)
  if claim and claim.id == ARGV[1] then
    redis.call("DEL", key)
  elseif claim then
    local others = {}
    for _, older in ipairs(claim.olders) do
      if older.id ~= ARGV[1] then table.insert(others, older) end
    end
    claim.olders = others
    write(key, claim, redis.call("PTTL", key))
  end
end

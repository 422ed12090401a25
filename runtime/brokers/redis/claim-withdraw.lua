-- Gives up the pending keys of a sending that came to nothing: who had them before has them again.
--
-- KEYS     claims
-- ARGV[1]  mark of the sending
-- Returns  nothing

for _, key in ipairs(KEYS) do
  local claim = read(key)
  if claim and claim.mark == ARGV[1] and claim.pending ~= "" then
    local older = table.remove(claim.olders)
    redis.call("DEL", key)
    if older then
      older.olders = claim.olders
      write(key, older, older.expiry - now())
    end
  end
end

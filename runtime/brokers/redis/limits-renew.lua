-- Keeps slots for another lease.
--
-- KEYS      the zset of slots of each holder
-- ARGV[1]   milliseconds
-- ARGV[2..] the token of each holder
-- Returns   the tokens of those whose slot is gone

local time, lost = now(), {}
for i, slots in ipairs(KEYS) do
  local token = ARGV[i + 1]
  if redis.call("ZSCORE", slots, token) then
    redis.call("ZADD", slots, time + ARGV[1], token)
    -- Another holder's lease may be longer, as while a new contract is rolled out.
    if redis.call("PTTL", slots) < tonumber(ARGV[1]) then redis.call("PEXPIRE", slots, ARGV[1]) end
  else
    lost[#lost + 1] = token
  end
end
return lost

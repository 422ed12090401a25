-- Notes which scopes of limits are seen to, and finds those that nobody has seen to for a while.
--
-- KEYS[1]  scopes zset
-- ARGV[1]  milliseconds after which a scope counts as left alone
-- ARGV[2]  milliseconds that all of it is remembered while no worker asks
-- ARGV[3]  how many scopes follow that are seen to
-- ARGV[..] scopes that are forgotten where they are still left alone
-- Returns  the scopes that are left alone

local time = now()
local last = 3 + ARGV[3]
for i = 4, last do redis.call("ZADD", KEYS[1], time, ARGV[i]) end
for i = last + 1, #ARGV do
  local seen = redis.call("ZSCORE", KEYS[1], ARGV[i])
  if seen and tonumber(seen) <= time - ARGV[1] then redis.call("ZREM", KEYS[1], ARGV[i]) end
end
redis.call("PEXPIRE", KEYS[1], ARGV[2])
return redis.call("ZRANGEBYSCORE", KEYS[1], "-inf", time - ARGV[1])

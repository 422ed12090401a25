-- Finds the consumers whose lease is over or missing, and forgets dead letters that are too old.
--
-- KEYS[1]  leases zset
-- KEYS[2]  consumers set
-- KEYS[3]  dead letters hash
-- KEYS[4]  dead letters index zset
-- ARGV[1]  milliseconds that dead letters are kept
-- Returns  the consumers to reap

local time = now()

local expired = redis.call("ZRANGEBYSCORE", KEYS[4], "-inf", time - ARGV[1], "LIMIT", 0, 1000)
if #expired > 0 then
  redis.call("HDEL", KEYS[3], unpack(expired))
  redis.call("ZREM", KEYS[4], unpack(expired))
end

-- Both ways: a consumer that is known but has no lease, and a lease whose consumer is not known, are found as well.
local gone = {}
for _, consumer in ipairs(redis.call("SMEMBERS", KEYS[2])) do
  local expiry = redis.call("ZSCORE", KEYS[1], consumer)
  if not expiry then gone[#gone + 1] = consumer end
end
for _, consumer in ipairs(redis.call("ZRANGEBYSCORE", KEYS[1], "-inf", time)) do
  gone[#gone + 1] = consumer
end
return gone

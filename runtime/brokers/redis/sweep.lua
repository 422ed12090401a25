-- Finds the consumers whose lease is over or missing, and forgets dead letters that are too old.
--
-- KEYS[1]  dead letters hash
-- KEYS[2]  dead letters index zset
-- KEYS[3]  leases zset
-- KEYS[4]  consumers set
-- KEYS[5]  leases zset of the suspects
-- KEYS[6]  consumers set of the suspects
-- KEYS[7..] where suspects may wait
-- ARGV[1]  milliseconds that dead letters are kept
-- Returns  {1 where suspects wait, the consumers to reap, those of the suspects to reap, 1 where more letters are too old}

local time = now()

-- No more at a time than keeps others waiting for a millisecond or two.
local MOST = 1000
local expired = redis.call("ZRANGEBYSCORE", KEYS[2], "-inf", time - ARGV[1], "LIMIT", 0, MOST)
if #expired > 0 then
  redis.call("HDEL", KEYS[1], unpack(expired))
  redis.call("ZREM", KEYS[2], unpack(expired))
end

-- Both ways: a consumer that is known but has no lease, and a lease whose consumer is not known, are found as well.
local function gone(leases, consumers)
  local found = redis.call("ZRANGEBYSCORE", leases, "-inf", time)
  for _, consumer in ipairs(redis.call("SMEMBERS", consumers)) do
    if not redis.call("ZSCORE", leases, consumer) then found[#found + 1] = consumer end
  end
  return found
end

local waiting = redis.call("EXISTS", unpack(KEYS, 7)) > 0 and 1 or 0
return { waiting, gone(KEYS[3], KEYS[4]), gone(KEYS[5], KEYS[6]), #expired == MOST and 1 or 0 }

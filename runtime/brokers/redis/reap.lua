-- Puts back what a consumer held whose lease is over, and counts the crash on each message.
--
-- KEYS[1]      running hash of that consumer
-- KEYS[2]      leases zset
-- KEYS[3]      consumers set
-- KEYS[4]      idle zset
-- KEYS[5..14]  ready lists, priority 9 down to 0
-- ARGV[1]      consumer
-- ARGV[2]      its wake channel
-- Returns      the number of messages put back, or -1 when the lease is not over

local expiry = redis.call("ZSCORE", KEYS[2], ARGV[1])
if expiry and tonumber(expiry) > now() then return -1 end

redis.call("ZREM", KEYS[2], ARGV[1])
redis.call("SREM", KEYS[3], ARGV[1])
redis.call("ZREM", KEYS[4], ARGV[2])

-- The count is the envelope's first field, written here and nowhere else: decoding and encoding JSON in Lua would
-- turn empty arrays into objects and round large numbers.
local function with_crash(body)
  local count, rest = string.match(body, '^{"crashes":(%d+),(.*)$')
  if count then return '{"crashes":' .. (count + 1) .. "," .. rest end
  if string.sub(body, 1, 2) == '{"' then return '{"crashes":1,' .. string.sub(body, 2) end
  return body
end

local fields = redis.call("HKEYS", KEYS[1])
put_back(KEYS[1], fields, 5, with_crash)
if #fields > 0 then wake(KEYS[4]) end
return #fields

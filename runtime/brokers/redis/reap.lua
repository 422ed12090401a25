-- Puts back what a consumer held whose lease is over, and counts the crash on each message. One that has seen several
-- crashes is a suspect: it goes to a lane in which each message is handled alone.
--
-- KEYS[1]      running hash of that consumer
-- KEYS[2]      leases zset
-- KEYS[3]      consumers set
-- KEYS[4]      idle zset
-- KEYS[5..14]  ready lists, priority 9 down to 0
-- KEYS[15]     idle zset of the suspects
-- KEYS[16..25] ready lists of the suspects, priority 9 down to 0
-- ARGV[1]      consumer
-- ARGV[2]      its wake channel
-- ARGV[3]      from how many crashes on a message is a suspect
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
  if count then return count + 1, '{"crashes":' .. (count + 1) .. "," .. rest end
  if string.sub(body, 1, 2) == '{"' then return 1, '{"crashes":1,' .. string.sub(body, 2) end
  return 0, body
end

local suspects = 0
local fields = redis.call("HKEYS", KEYS[1])
put_back(KEYS[1], fields, function(body)
  local crashes, counted = with_crash(body)
  if crashes < tonumber(ARGV[3]) then return 5, counted end
  suspects = suspects + 1
  return 16, counted
end)
if #fields > suspects then wake(KEYS[4]) end
if suspects > 0 then wake(KEYS[15]) end
return #fields

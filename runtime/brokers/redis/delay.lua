-- Holds messages back until they are due, by the server's clock.
--
-- KEYS[1]  delayed zset
-- KEYS[2]  idle zset
-- ARGV     for each message: milliseconds to wait, 9 - priority, body
-- Returns  the number of messages held back

local time = now()
local before = redis.call("ZRANGE", KEYS[1], 0, 0, "WITHSCORES")[2]

local first = math.huge
for i = 1, #ARGV, 3 do
  local score = delay(KEYS[1], time + ARGV[i], ARGV[i + 1], ARGV[i + 2])
  if score < first then first = score end
end

-- A consumer that sleeps until the next message is due has to learn of an earlier one.
if not before or first < tonumber(before) then wake(KEYS[2]) end

return redis.call("ZCARD", KEYS[1])

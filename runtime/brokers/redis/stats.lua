-- Tells how a queue stands. It changes nothing.
--
-- KEYS[1]       delayed zset
-- KEYS[2]       consumers set
-- KEYS[3..12]   ready lists, priority 9 down to 0
-- KEYS[13]      delayed zset of the suspects
-- KEYS[14]      consumers set of the suspects
-- KEYS[15..24]  ready lists of the suspects, priority 9 down to 0
-- KEYS[25]      dead letters index zset
-- ARGV[1]       what the key of a consumer's running hash begins with
-- ARGV[2]       the same of the suspects
-- Returns       {how many wait, priority 9 down to 0; how many are held back, in workers' hands, dead, suspects that wait;
--                milliseconds since the oldest of those next in line was sent, or -1;
--                when the next one is due, in milliseconds since 1970, or -1}

-- In bytes: where a message says when it was sent, before its input.
local HEADER = 4096

local function lengths(first)
  local each, total = {}, 0
  for i = 0, 9 do
    each[i + 1] = redis.call("LLEN", KEYS[first + i])
    total = total + each[i + 1]
  end
  return each, total
end

local running = 0
local function count_running(consumers, base)
  for _, consumer in ipairs(redis.call("SMEMBERS", consumers)) do
    running = running + redis.call("HLEN", base .. consumer)
  end
end
count_running(KEYS[2], ARGV[1])
count_running(KEYS[14], ARGV[2])

local oldest
for i = 3, 12 do
  local body = redis.call("LINDEX", KEYS[i], -1)
  local sent = body and tonumber(string.match(string.sub(body, 1, HEADER), '"at":(%d+)'))
  if sent and (not oldest or sent < oldest) then oldest = sent end
end

local next_due = redis.call("ZRANGE", KEYS[1], 0, 0, "WITHSCORES")[2]
local waiting = lengths(3)
local _, suspects = lengths(15)
return {
  waiting,
  redis.call("ZCARD", KEYS[1]) + redis.call("ZCARD", KEYS[13]),
  running,
  redis.call("ZCARD", KEYS[25]),
  suspects,
  oldest and math.max(0, now() - oldest) or -1,
  next_due and due_of(tonumber(next_due)) or -1,
}

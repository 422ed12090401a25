-- Cancels messages of a queue: whoever takes one from now on knows, and the workers that hold one are told.
--
-- KEYS[1]  cancelled zset
-- KEYS[2]  cancels zset
-- KEYS[3]  dead letters index zset
-- KEYS[4]  leases zset
-- KEYS[5]  consumers set
-- KEYS[6]  leases zset of the suspects
-- KEYS[7]  consumers set of the suspects
-- ARGV[1]  cancel channel
-- ARGV[2]  what a consumer's running hash begins with
-- ARGV[3]  what one of the suspects' begins with
-- ARGV[4..] for each message: its id, milliseconds that it is remembered
-- Returns  for each message: 0 where it is dead and nothing was done, 2 where a consumer holds it, else 1

local time = now()

local expired = redis.call("ZRANGEBYSCORE", KEYS[1], "-inf", time, "LIMIT", 0, 1000)
if #expired > 0 then
  redis.call("ZREM", KEYS[1], unpack(expired))
  redis.call("ZREM", KEYS[2], unpack(expired))
end

local held = {}
look(held, KEYS[4], KEYS[5], ARGV[2])
look(held, KEYS[6], KEYS[7], ARGV[3])

-- Later than every version before, also than those of which nothing is left.
local before = tonumber(redis.call("ZSCORE", KEYS[2], "") or 0)
local version = math.max(before + 1, time)

local found = {}
local ids = {}
local keep = 0
for i = 4, #ARGV, 2 do
  local id, ttl = ARGV[i], tonumber(ARGV[i + 1])
  if redis.call("ZSCORE", KEYS[3], id) then
    found[#found + 1] = 0
  else
    found[#found + 1] = held[id] and 2 or 1
    ids[#ids + 1] = id
    keep = math.max(keep, ttl)
    redis.call("ZADD", KEYS[1], time + ttl, id)
    redis.call("ZADD", KEYS[2], version, id)
  end
end
if #ids == 0 then return found end

redis.call("ZADD", KEYS[2], version, "")
for i = 1, 2 do
  if redis.call("PTTL", KEYS[i]) < keep then redis.call("PEXPIRE", KEYS[i], keep) end
end
-- A user without rights on channels still cancels: workers look at each heartbeat.
redis.pcall("PUBLISH", ARGV[1], table.concat({ before, version, time + keep, table.concat(ids, " ") }, " "))
return found

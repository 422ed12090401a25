-- Takes, keeps or gives up the lead of a queue's schedules, and notes how far they have come.
--
-- KEYS[1]  lead hash
-- KEYS[2]  ticks hash
-- KEYS[3]  made hash
-- ARGV[1]  worker
-- ARGV[2]  when it started, in milliseconds
-- ARGV[3]  print of its contracts' schedules
-- ARGV[4]  milliseconds that it leads
-- ARGV[5]  version of the made schedules that it knows
-- ARGV[6]  milliseconds that progress is remembered
-- ARGV[7]  channel
-- ARGV[8]  how many pairs follow: track, last tick
-- ARGV[..] tracks to be forgotten
-- Returns  {0, milliseconds until the leader has to ask again}
--          {1, now, 1 where it begins, milliseconds that nobody had led or -1, version, then, where it begins or does not
--           know the version: ticks, made schedules}

local time = now()
local worker, ends, started, print, version = unpack(redis.call("HMGET", KEYS[1], "worker", "until", "started", "print", "version"))
local holds = ends and tonumber(ends) > time
local own = worker == ARGV[1]
-- A newer version takes over.
local older = print and print ~= ARGV[3] and tonumber(started) < tonumber(ARGV[2])
if holds and not own and not older then return { 0, ends - time } end

redis.call("HSET", KEYS[1], "worker", ARGV[1], "until", time + ARGV[4], "started", ARGV[2], "print", ARGV[3])

-- It learns at once that it leads no longer.
if holds and not own then redis.pcall("PUBLISH", ARGV[7], "") end

local last = 8 + 2 * ARGV[8]
for i = 9, last, 2 do
  local known = redis.call("HGET", KEYS[2], ARGV[i])
  if not known or tonumber(known) < tonumber(ARGV[i + 1]) then redis.call("HSET", KEYS[2], ARGV[i], ARGV[i + 1]) end
end
for i = last + 1, #ARGV do redis.call("HDEL", KEYS[2], ARGV[i]) end
redis.call("PEXPIRE", KEYS[1], ARGV[6])
redis.call("PEXPIRE", KEYS[2], ARGV[6])

local begins = not (holds and own)
version = version or "0"
local told = begins or version ~= ARGV[5]
return {
  1,
  time,
  begins and 1 or 0,
  ends and math.max(0, time - ends) or -1,
  tonumber(version),
  told and redis.call("HGETALL", KEYS[2]) or {},
  told and redis.call("HGETALL", KEYS[3]) or {},
}

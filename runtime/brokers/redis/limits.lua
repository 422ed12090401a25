-- What the scripts of limits share; it stands in front of each of them. All of a scope's keys share a slot. What a script
-- does not know beforehand is which keys of limits it will meet, so that it is given what the names begin with.
--
-- A line is a limit's letter, "c" (concurrency) or "r" (rate), a colon, and the key that the limit is counted by. Those
-- who wait for a place of that key stand in it.
--
-- KEYS[1]  parked hash: a message's id to its publication
-- KEYS[2]  records hash: a message's id to its lines, and the ticket of its last call, as JSON
-- KEYS[3]  what the two due zsets begin with, of "c" and of "r": the lines in which somebody waits, by the time at which
--          one may move
-- KEYS[4]  calls zset: the ids of those who were called and are not published as far as is known, by the time until
--          which their place is kept
-- KEYS[5]  what the zset of a line begins with: ids by their turns
-- KEYS[6]  what the zset of kept places of a line begins with: ids by the time until which the place is kept
-- KEYS[7]  what the zset of slots of a key begins with: tokens by the time at which their lease ends
-- KEYS[8]  what the starts of a key begin with; for a window a zset of tokens by the time of their start, for a bucket a
--          text: the time at which it will be full again
-- ARGV[1]  how many may hold a slot of one key, 0 for any number
-- ARGV[2]  milliseconds that a slot is kept without a renewal
-- ARGV[3]  how many may start within a time, 0 for any number
-- ARGV[4]  that time, in milliseconds
-- ARGV[5]  "window" or "bucket"
-- ARGV[6]  milliseconds that a place is kept for one who was called
-- ARGV[7]  the ticket of those whom this script calls

-- How many messages one script moves at most; what is left is due at once.
local MOST_MOVED = 200
-- How many lines, and how many calls that went unheard, are looked at in one go.
local MOST_LINES = 50
-- In bytes: a larger answer would keep the server from its other clients.
local LARGEST_ANSWER = 4 * 1024 * 1024

local time = now()
local limits = { c = tonumber(ARGV[1]), r = tonumber(ARGV[3]) }
local lease, per, kept_for = tonumber(ARGV[2]), tonumber(ARGV[4]), tonumber(ARGV[6])
local is_window = ARGV[5] == "window"
-- Whether anybody waits: mostly nobody does, and then there is little to do.
local somebody_waits = redis.call("EXISTS", KEYS[1]) == 1
-- Whom this script calls, as its caller reads it: id, turn, publication of each.
local called = {}
local moves = 0
local bytes = 0

-- Has a key live for at least so long.
local function keep(key, milliseconds)
  if redis.call("PTTL", key) < milliseconds then redis.call("PEXPIRE", key, milliseconds) end
end

-- The score of the first member of a zset, or nil.
local function first_score(key)
  return tonumber(redis.call("ZRANGE", key, 0, 0, "WITHSCORES")[2])
end

local function split(line)
  return string.sub(line, 1, 1), string.sub(line, 3)
end

-- The time at which a key's bucket will be full again, and the milliseconds in which it gains a token.
local function bucket(key)
  local full = tonumber(redis.call("GET", KEYS[8] .. key)) or 0
  -- Other limits, as those of a contract before, may have emptied it for longer than it takes to fill under these.
  if full > time + per + 1 then
    full = time + per
    redis.call("SET", KEYS[8] .. key, string.format("%.3f", full), "PX", per)
  end
  return math.max(time, full), per / limits.r
end

-- How many places of a line are taken. A bucket is a token bucket in the form of the Generic Cell Rate Algorithm (ITU-T
-- I.371, annex A), which needs one number: each token that is missing delays the time at which it is full.
local function taken(line)
  local limit, key = split(line)
  if limit == "c" then
    redis.call("ZREMRANGEBYSCORE", KEYS[7] .. key, "-inf", time)
    return redis.call("ZCARD", KEYS[7] .. key)
  end
  if is_window then
    redis.call("ZREMRANGEBYSCORE", KEYS[8] .. key, "-inf", time - per)
    return redis.call("ZCARD", KEYS[8] .. key)
  end
  local full, interval = bucket(key)
  -- A little less, as the time is stored with three digits.
  return math.max(0, math.ceil((full - time - 0.001) / interval))
end

-- How many places of a line are kept for those who were called.
local function kept(line)
  redis.call("ZREMRANGEBYSCORE", KEYS[6] .. line, "-inf", time)
  return redis.call("ZCARD", KEYS[6] .. line)
end

-- Whether there is a place. One who was called may take any that nobody holds, also one that is kept for another: while
-- it was on its way its own may have gone to others, and they are on their way still.
local function has_room(line, was_called)
  local limit = limits[split(line)]
  if limit == 0 then return true end
  local used = taken(line)
  return used < limit and (was_called or used + kept(line) < limit)
end

-- The first of some lines in which there is no place; nil where there is one in each.
local function refusing(lines, was_called)
  for _, line in ipairs(lines) do
    if not has_room(line, was_called) then return line end
  end
end

-- The time at which a place of a line may come free without anybody's doing.
local function opening(line)
  if has_room(line) then return time end
  local limit, key = split(line)
  local free
  if limit == "c" then
    free = first_score(KEYS[7] .. key)
  elseif is_window then
    free = first_score(KEYS[8] .. key)
    free = free and free + per
  else
    local full, interval = bucket(key)
    local used = taken(line)
    free = used > 0 and math.ceil(full - (used - 1) * interval) or nil
  end
  return math.max(time + 1, math.min(free or math.huge, first_score(KEYS[6] .. line) or math.huge))
end

-- Takes a place in a line.
local function take(line, token)
  local limit, key = split(line)
  if limits[limit] == 0 then return end
  if limit == "c" then
    redis.call("ZADD", KEYS[7] .. key, time + lease, token)
    keep(KEYS[7] .. key, lease)
  elseif is_window then
    redis.call("ZADD", KEYS[8] .. key, time, token)
    redis.call("PEXPIRE", KEYS[8] .. key, per)
  else
    local full, interval = bucket(key)
    full = full + interval
    redis.call("SET", KEYS[8] .. key, string.format("%.3f", full), "PX", math.ceil(full - time))
  end
end

-- Notes when a line is to be looked at.
local function schedule(line)
  local due = KEYS[3] .. split(line)
  if redis.call("EXISTS", KEYS[5] .. line) == 1 then
    redis.call("ZADD", due, opening(line), line)
  else
    redis.call("ZREM", due, line)
  end
end

-- What is known of a message that is parked; nil where another program meddled.
local function record_of(id)
  local json = redis.call("HGET", KEYS[2], id)
  return json and redis.call("HEXISTS", KEYS[1], id) == 1 and cjson.decode(json) or nil
end

-- Forgets a message that was parked.
local function forget(id)
  redis.call("HDEL", KEYS[1], id)
  redis.call("HDEL", KEYS[2], id)
  redis.call("ZREM", KEYS[4], id)
end

-- Calls a message: its places are kept for it.
local function call(id, turn, record)
  for _, line in ipairs(record.lines) do
    redis.call("ZADD", KEYS[6] .. line, time + kept_for, id)
    keep(KEYS[6] .. line, kept_for)
  end
  redis.call("ZADD", KEYS[4], time + kept_for, id)
  record.ticket, record.turn = ARGV[7], turn
  redis.call("HSET", KEYS[2], id, cjson.encode(record))
  called[#called + 1] = id
  called[#called + 1] = turn
  local publication = redis.call("HGET", KEYS[1], id)
  called[#called + 1] = publication
  bytes = bytes + #publication
end

-- Calls those of a line for whom there is a place. One that has to wait for its other limit goes over to that line, in
-- its turn, and holds up nobody here.
local function move(line)
  while moves < MOST_MOVED and bytes < LARGEST_ANSWER and has_room(line) do
    local id, turn = unpack(redis.call("ZRANGE", KEYS[5] .. line, 0, 0, "WITHSCORES"))
    if not id then break end
    moves = moves + 1
    redis.call("ZREM", KEYS[5] .. line, id)
    local record = record_of(id)
    local other = record and refusing(record.lines)
    if not record then
      forget(id)
    elseif other then
      redis.call("ZADD", KEYS[5] .. other, turn, id)
      schedule(other)
    else
      call(id, turn, record)
    end
  end
  schedule(line)
end

-- Frees the places that are kept for a message, and returns their lines. Its key may be another one now, as with a new
-- contract: then they are in lines in which others wait, or they hold up nobody.
local function free_kept(id, lines)
  local freed, is_elsewhere = {}, false
  for _, line in ipairs(lines) do
    if redis.call("ZREM", KEYS[6] .. line, id) == 1 then freed[#freed + 1] = line else is_elsewhere = true end
  end
  if not is_elsewhere or not somebody_waits then return freed end
  for limit in pairs(limits) do
    for _, line in ipairs(redis.call("ZRANGE", KEYS[3] .. limit, 0, MOST_LINES - 1)) do
      if redis.call("ZREM", KEYS[6] .. line, id) == 1 then freed[#freed + 1] = line end
    end
  end
  return freed
end

-- Where a limit is no more, those who wait for it are due whatever was noted.
local function latest_due(limit)
  return limits[limit] == 0 and math.huge or time
end

-- What the caller is told: the milliseconds until something is due, -1 where nobody waits; and whom to publish.
local function progress()
  if not somebody_waits then return { -1, called } end
  local due = first_score(KEYS[4]) or math.huge
  for limit in pairs(limits) do
    local first = first_score(KEYS[3] .. limit)
    if first then due = math.min(due, first <= latest_due(limit) and time or first) end
  end
  return { due == math.huge and -1 or math.max(0, due - time), called }
end

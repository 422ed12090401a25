-- What several scripts share; it stands in front of each of them.

-- The server's clock, in milliseconds.
local function now()
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Wakes one consumer that found the queue empty. A channel without listeners belongs to one that is gone: the next
-- one is told instead.
local function wake(idle)
  local channel, heard
  repeat
    channel = redis.call("ZRANDMEMBER", idle)
    if channel then
      redis.call("ZREM", idle, channel)
      -- A user without rights on channels still gets the message in: the others' idle polls find it.
      heard = redis.pcall("PUBLISH", channel, "")
    end
  until not channel or type(heard) ~= "number" or heard > 0
end

-- Whether a stored result stays whatever comes later: an answer does, and that a message was cancelled; a failure does not.
local function is_final(json)
  return string.sub(json, 1, 10) == '{"ok":true' or string.sub(json, 1, 32) == '{"ok":false,"reason":"cancelled"'
end

-- Until there is a result, those who wait for it stand in its place: this, then their reply channels, one a line.
local WAITING = "waiting"

-- The channels that stand in the place of a result; nil for a result.
local function waiting_in(value)
  if string.sub(value, 1, #WAITING) == WAITING then return string.gmatch(value, "\n([^\n]+)") end
end

-- Stores results, each unless a final one is there already, and wakes everybody who waits for them. Each has one key
-- and four ARGV: JSON, milliseconds, reply channel or "", the message's id.
local function put_results(count, first_key, first_arg)
  -- What each channel is told: a line for each message, its id and its result.
  local news = {}
  local function tell(channel, id, json)
    local lines = news[channel] or {}
    lines[#lines + 1] = id .. " " .. json
    news[channel] = lines
  end
  for i = 0, count - 1 do
    local key, arg = KEYS[first_key + i], first_arg + 4 * i
    local json, ttl, reply, id = ARGV[arg], ARGV[arg + 1], ARGV[arg + 2], ARGV[arg + 3]
    -- Most often nothing is there, and one command is enough.
    local stored = redis.call("SET", key, json, "PX", ttl, "NX")
    if not stored then
      local there = redis.call("GET", key)
      local channels = waiting_in(there)
      if channels or not is_final(there) then stored = redis.call("SET", key, json, "PX", ttl) end
      if channels then
        for channel in channels do tell(channel, id, json) end
      end
    end
    if stored and reply ~= "" then tell(reply, id, json) end
  end
  -- A user without rights on channels still stores the results: those who wait find them when their time is over.
  for channel, lines in pairs(news) do redis.pcall("PUBLISH", channel, table.concat(lines, "\n")) end
end

-- Holds a message back. By time, then by priority: `rank` is 9 - priority.
local function delay(delayed, due, rank, body)
  local score = due * 10 + rank
  redis.call("ZADD", delayed, score, body)
  return score
end

-- The milliseconds at which a message that was held back with this score is due.
local function due_of(score)
  return math.floor(score / 10)
end

-- The number that a field of a running hash is (`sequence × 10 + priority`). One that another program wrote is no reason
-- to keep the others: it counts as old and of the middle priority.
local function number_of(field)
  local number = tonumber(field)
  return number == number and number or 5
end

-- Moves fields of a running hash to the front of ready lists. What was taken first is put back last, so that it is first
-- in line again. `place` says of a body where in KEYS its ready lists begin (priority 9 first), and may change it.
local function put_back(running, fields, place)
  table.sort(fields, function(a, b) return number_of(a) > number_of(b) end)
  for _, field in ipairs(fields) do
    local first_ready, body = place(redis.call("HGET", running, field))
    local ready = KEYS[first_ready + 9 - number_of(field) % 10] or KEYS[first_ready + 4]
    -- In this order it works on a server that is out of memory as well.
    redis.call("HDEL", running, field)
    redis.call("RPUSH", ready, body)
  end
end

-- A place for `put_back`: the ready lists that begin here, for every body as it is.
local function in_line(first_ready)
  return function(body) return first_ready, body end
end

-- In bytes. A larger one would fill the buffer of a connection that is meant for words.
local LARGEST_HANDED_OVER = 64 * 1024

-- What a consumer in the idle zset would take next anyway is put into its running hash and told on its wake channel, so
-- that it need not come and ask: one round trip less. The score is the sequence number that it keeps free for this.
local function hand_over(ready, idle, leases, body, priority)
  if #body > LARGEST_HANDED_OVER or redis.call("EXISTS", ready) == 1 then return false end
  local time = now()
  while true do
    local channel, sequence = unpack(redis.call("ZRANDMEMBER", idle, 1, "WITHSCORES"))
    if not channel then return false end
    local base, consumer = string.match(channel, "^(.*):wake:([^:]+)$")
    local expiry = redis.call("ZSCORE", leases, consumer)
    if expiry and tonumber(expiry) > time then
      local running = base .. ":running:" .. consumer
      local field = sequence * 10 + priority
      redis.call("HSET", running, field, body)
      redis.call("ZREM", idle, channel)
      local heard = redis.pcall("PUBLISH", channel, field .. " " .. body)
      if type(heard) == "number" and heard > 0 then return true end
      redis.call("HDEL", running, field)
      -- Without rights on channels, nobody can be told.
      if type(heard) ~= "number" then return false end
    else
      redis.call("ZREM", idle, channel)
    end
  end
end

-- Adds a message to a queue. A consumer that waits is given it at once, where `leases` is given; else it joins the line.
local function enqueue(ready, idle, leases, body, priority)
  if leases and hand_over(ready, idle, leases, body, priority) then return end
  redis.call("LPUSH", ready, body)
  wake(idle)
end

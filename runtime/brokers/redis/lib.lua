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

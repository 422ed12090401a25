-- Acks what is done and stores what it answered, renews the lease, promotes what is due and takes the next messages: one step, one round trip.
--
-- KEYS[1]      running hash of this consumer
-- KEYS[2]      leases zset
-- KEYS[3]      consumers set
-- KEYS[4]      delayed zset
-- KEYS[5]      idle zset
-- KEYS[6..15]  ready lists, priority 9 down to 0
-- KEYS[16]     what is there while the queue is paused
-- KEYS[17]     cancels zset
-- KEYS[18..]   for each answer: result
-- ARGV[1]      consumer
-- ARGV[2]      milliseconds that the lease lasts
-- ARGV[3]      how many messages to take
-- ARGV[4]      sequence number of the first; the caller never uses one twice, and keeps one more free than it wants
-- ARGV[5]      this consumer's wake channel
-- ARGV[6]      "new" for a consumer's first call, which opens its lease; "idle" for one that found the queue empty
-- ARGV[7..]    for each answer: the result as JSON, milliseconds that it is kept, reply channel that the message named or
--              "", the message's id; then what to ack: pairs of the first and the last field of a run of neighbours,
--              which are ten apart
-- Returns      {"lost"} when the lease is gone: nothing was done
--              {milliseconds until the next message is due, or -1; 1 when this consumer is idle now, 2 when the queue is
--               paused; 1 when it was told something since it called itself idle; the version of what is cancelled, 0
--               where nothing is; the bodies, one a line; priority, how many of it, ...}

-- In bytes. A larger one would keep the connection busy for longer than a lease lasts.
local LARGEST_ANSWER = 4 * 1024 * 1024
-- In milliseconds. What is due later, or by its score never, is looked for again then.
local LONGEST_REST = 24 * 60 * 60 * 1000

-- In milliseconds: how soon a consumer looks whether the queue is still paused.
local PAUSED_REST = 1000

local consumer = ARGV[1]
local want = tonumber(ARGV[3])

local is_new = ARGV[6] == "new"
if not is_new and not redis.call("ZSCORE", KEYS[2], consumer) then return { "lost" } end

-- A server that is out of memory refuses what may need some, but not in a script that has written already: the acks go
-- first, with a field that is never there, so that a full server is drained.
local answers = #KEYS - 17
local done = { "" }
for i = 7 + 4 * answers, #ARGV, 2 do
  for field = ARGV[i], ARGV[i + 1], 10 do done[#done + 1] = field end
end
redis.call("HDEL", KEYS[1], unpack(done))
if answers > 0 then put_results(answers, 18, 7) end

local time = now()
redis.call("ZADD", KEYS[2], time + ARGV[2], consumer)
if is_new then redis.call("SADD", KEYS[3], consumer) end
-- Whoever knows an older one learns what was cancelled before it runs what it takes here.
local version = tonumber(redis.call("ZSCORE", KEYS[17], "") or 0)
if want == 0 then return { -1, 0, 0, version, "" } end

local told = 0
if ARGV[6] == "idle" then told = 1 - redis.call("ZREM", KEYS[5], ARGV[5]) end

-- One look for what is most often not there, in an empty queue: no ready list, and no pause.
local there = redis.call("EXISTS", unpack(KEYS, 6, 16))
-- Not into the idle zset: a message would be handed over.
if there > 0 and redis.call("EXISTS", KEYS[16]) == 1 then return { PAUSED_REST, 2, told, version, "" } end

-- The milliseconds until the first message that is held back is due; nil where there is none.
local function next_due()
  local first = redis.call("ZRANGE", KEYS[4], 0, 0, "WITHSCORES")[2]
  return first and due_of(first) - time
end

local wait = next_due()
if wait and wait <= 0 then
  -- Due messages go to the end of their priority's line, as if they were sent now.
  local due = redis.call("ZRANGEBYSCORE", KEYS[4], "-inf", time * 10 + 9, "WITHSCORES", "LIMIT", 0, 500)
  for i = 1, #due, 2 do
    -- A score of a foreign program may say no priority: its message goes with the most.
    redis.call("LPUSH", KEYS[6 + due[i + 1] % 10] or KEYS[10], due[i])
    redis.call("ZREM", KEYS[4], due[i])
  end
  there = there + #due
  wait = next_due()
end

local reply = { -1, 0, told, version, "" }
local all = {}
local entries = {}
local sequence = tonumber(ARGV[4])
local taken = 0
local bytes = 0
local rest = 0
-- How many messages fit into what is left of the largest answer, by the size of those before; the first one always does.
local function room()
  if taken == 0 then return 1 end
  if bytes >= LARGEST_ANSWER then return 0 end
  return math.min(want - taken, math.max(1, math.floor((LARGEST_ANSWER - bytes) / (bytes / taken))))
end
if there > 0 then
  for priority = 9, 0, -1 do
    local ready = KEYS[15 - priority]
    local before = taken
    while room() > 0 do
      local bodies = redis.call("RPOP", ready, room())
      if not bodies then break end
      for _, body in ipairs(bodies) do
        bytes = bytes + #body
        all[#all + 1] = body
        entries[#entries + 1] = sequence * 10 + priority
        entries[#entries + 1] = body
        sequence = sequence + 1
      end
      taken = taken + #bodies
    end
    if taken > before then
      reply[#reply + 1] = priority
      reply[#reply + 1] = taken - before
    end
    if room() == 0 then
      rest = redis.call("LLEN", ready)
      if rest > 0 then break end
    end
  end
end
if taken > 0 then
  redis.call("HSET", KEYS[1], unpack(entries))
  -- One long text costs half of what as many answers do, here and where they are read. JSON has no raw line break.
  reply[5] = table.concat(all, "\n")
end

if room() > 0 then
  redis.call("ZADD", KEYS[5], ARGV[4] + want, ARGV[5])
  reply[2] = 1
  if wait then reply[1] = math.min(math.max(0, wait), LONGEST_REST) end
elseif rest > 0 then
  -- There is more than this consumer can carry: pass the word on.
  wake(KEYS[5])
end

return reply

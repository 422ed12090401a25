-- Sends messages, each where it gets every key that it claims; where another message has one, it is not sent.
--
-- KEYS[1]   delayed zset
-- KEYS[2]   idle zset
-- KEYS[3]   leases zset
-- KEYS[4]   replaced zset
-- KEYS[5]   cancelled zset
-- KEYS[6]   consumers set
-- KEYS[7]   leases zset of the suspects
-- KEYS[8]   consumers set of the suspects
-- KEYS[9..] for each message: ready list of its priority; its claims
-- ARGV[1]   1 where they may be handed over
-- ARGV[2]   milliseconds that a replaced message is remembered after it was due
-- ARGV[3]   what a consumer's running hash begins with
-- ARGV[4]   what one of the suspects' begins with
-- ARGV[5..] for each message: id; body; priority; milliseconds to wait; how many keys it claims; for each of these:
--           milliseconds that it lasts; from whom the key is taken: "nobody", "anybody" or a number
-- Returns   for each message: {id of the message that has the keys, 1 where it was sent}, or {what is wrong with a claim, -1}

local time = now()

-- Whether a message was cancelled, and is in nobody's hands: it will never run.
local function is_over(holder)
  local expiry = redis.call("ZSCORE", KEYS[5], holder)
  if not expiry or tonumber(expiry) <= time then return false end
  local held = {}
  look(held, KEYS[3], KEYS[6], ARGV[3])
  look(held, KEYS[7], KEYS[8], ARGV[4])
  return not held[holder]
end

local function keeps(holder, number, from)
  if from == "nobody" then return not is_over(holder) end
  return from ~= "anybody" and number ~= "" and tonumber(number) >= tonumber(from)
end

local function take(message, claim)
  local number = tonumber(claim.from) and claim.from or ""
  redis.call("HSET", claim.key, "id", message.id, "due", time + message.wait, "number", number)
  redis.call("PEXPIRE", claim.key, claim.ttl)
end

local function send(message)
  local replaced = {}
  for _, claim in ipairs(message.claims) do
    -- What another program put into this place is no reason not to send the other messages.
    local found = redis.pcall("HMGET", claim.key, "id", "due", "number")
    if found.err then return { found.err, -1 } end
    local holder, due, number = unpack(found)
    -- A command that was sent again finds its own message.
    if holder and (holder == message.id or keeps(holder, number, claim.from)) then return { holder, 0 } end
    if tonumber(claim.from) then
      take(message, claim)
    elseif holder then
      replaced[holder] = math.max(time, tonumber(due)) + ARGV[2]
    end
  end

  for holder, expiry in pairs(replaced) do
    redis.call("ZADD", KEYS[4], expiry, holder)
    if redis.call("PTTL", KEYS[4]) < expiry - time then redis.call("PEXPIRE", KEYS[4], math.ceil(expiry - time)) end
  end
  for _, claim in ipairs(message.claims) do take(message, claim) end

  if tonumber(message.wait) > 0 then
    local before = redis.call("ZRANGE", KEYS[1], 0, 0, "WITHSCORES")[2]
    local score = delay(KEYS[1], time + message.wait, 9 - message.priority, message.body)
    -- A consumer that sleeps until the next message is due has to learn of an earlier one.
    if not before or score < tonumber(before) then wake(KEYS[2]) end
  else
    enqueue(message.ready, KEYS[2], ARGV[1] == "1" and KEYS[3], message.body, message.priority)
  end
  return { message.id, 1 }
end

local replies = {}
local key, arg = 9, 5
while arg <= #ARGV do
  local id, body, priority, wait, count = unpack(ARGV, arg, arg + 4)
  local message = { id = id, body = body, priority = priority, wait = wait, ready = KEYS[key], claims = {} }
  for i = 1, tonumber(count) do
    message.claims[i] = { key = KEYS[key + i], ttl = ARGV[arg + 3 + 2 * i], from = ARGV[arg + 4 + 2 * i] }
  end
  replies[#replies + 1] = send(message)
  key = key + 1 + #message.claims
  arg = arg + 5 + 2 * #message.claims
end
return replies

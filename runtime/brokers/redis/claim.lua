-- Sends a message that gets every key that it claims; where another message has one, nothing is sent.
--
-- KEYS[1]   ready list of its priority
-- KEYS[2]   delayed zset
-- KEYS[3]   idle zset
-- KEYS[4]   leases zset
-- KEYS[5]   replaced zset
-- KEYS[6]   cancelled zset
-- KEYS[7]   consumers set
-- KEYS[8]   leases zset of the suspects
-- KEYS[9]   consumers set of the suspects
-- KEYS[10..] claims
-- ARGV[1]   id
-- ARGV[2]   body
-- ARGV[3]   priority
-- ARGV[4]   milliseconds to wait
-- ARGV[5]   1 where it may be handed over
-- ARGV[6]   milliseconds that a replaced message is remembered after it was due
-- ARGV[7]   what a consumer's running hash begins with
-- ARGV[8]   what one of the suspects' begins with
-- ARGV[9..] for each claim: milliseconds that it lasts; from whom the key is taken: "nobody", "anybody" or a number
-- Returns   {id of the message that has the keys, 1 where it was sent}

local id = ARGV[1]
local time = now()
local due = time + ARGV[4]

local function claim(i) return KEYS[9 + i], ARGV[7 + 2 * i], ARGV[8 + 2 * i] end

-- Whether a message was cancelled, and is in nobody's hands: it will never run.
local held
local function is_over(holder)
  local expiry = redis.call("ZSCORE", KEYS[6], holder)
  if not expiry or tonumber(expiry) <= time then return false end
  if not held then
    held = {}
    look(held, KEYS[4], KEYS[7], ARGV[7])
    look(held, KEYS[8], KEYS[9], ARGV[8])
  end
  return not held[holder]
end

local function keeps(holder, number, from)
  if from == "nobody" then return not is_over(holder) end
  return from ~= "anybody" and number ~= "" and tonumber(number) >= tonumber(from)
end

local function take(key, ttl, from)
  redis.call("HSET", key, "id", id, "due", due, "number", tonumber(from) and from or "")
  redis.call("PEXPIRE", key, ttl)
end

local replaced = {}
for i = 1, #KEYS - 9 do
  local key, ttl, from = claim(i)
  local holder, its_due, number = unpack(redis.call("HMGET", key, "id", "due", "number"))
  -- A command that was sent again finds its own message.
  if holder and (holder == id or keeps(holder, number, from)) then return { holder, 0 } end
  if tonumber(from) then
    take(key, ttl, from)
  elseif holder then
    replaced[holder] = math.max(time, tonumber(its_due)) + ARGV[6]
  end
end

for holder, expiry in pairs(replaced) do
  redis.call("ZADD", KEYS[5], expiry, holder)
  if redis.call("PTTL", KEYS[5]) < expiry - time then redis.call("PEXPIRE", KEYS[5], math.ceil(expiry - time)) end
end
for i = 1, #KEYS - 9 do take(claim(i)) end

if tonumber(ARGV[4]) > 0 then
  local before = redis.call("ZRANGE", KEYS[2], 0, 0, "WITHSCORES")[2]
  local score = delay(KEYS[2], due, 9 - ARGV[3], ARGV[2])
  -- A consumer that sleeps until the next message is due has to learn of an earlier one.
  if not before or score < tonumber(before) then wake(KEYS[3]) end
else
  enqueue(KEYS[1], KEYS[3], ARGV[5] == "1" and KEYS[4], ARGV[2], ARGV[3])
end
return { id, 1 }

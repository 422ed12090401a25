-- Takes a place under all limits, or under none; a message that finds none is parked.
--
-- KEYS, ARGV[1..7] as in limits.lua
-- ARGV[8]  the token of the place
-- ARGV[9]  the message's id; "" for one who has no message, and is not parked
-- ARGV[10] its publication
-- ARGV[11] its turn where it was called, else ""
-- ARGV[12] its turn had it come at the time 0
-- ARGV[13..] its lines
-- Returns  {"placed" or "parked", what progress() of limits.lua does}, or {"refused", milliseconds until a place may come
--          free}

local token, id, publication, was_called = ARGV[8], ARGV[9], ARGV[10], ARGV[11] ~= ""
local lines = { unpack(ARGV, 13) }
-- Where a place was kept for it that is no longer.
local freed = {}

local function ended(kind)
  if was_called and somebody_waits then
    for _, line in ipairs(lines) do move(line) end
    for _, line in ipairs(freed) do move(line) end
  end
  return { kind, progress() }
end

-- Whether it took the place already, and did not hear of it.
local function is_placed()
  for _, line in ipairs(lines) do
    local limit, key = split(line)
    if limit == "c" and redis.call("ZSCORE", KEYS[7] .. key, token) then return true end
    if limit == "r" and is_window and redis.call("ZSCORE", KEYS[8] .. key, token) then return true end
  end
  return false
end

if is_placed() then return ended("placed") end

if id ~= "" then
  if somebody_waits and redis.call("HEXISTS", KEYS[1], id) == 1 then
    -- A message that was parked and not acked comes again: it is here. One that was called has been published, also
    -- where the publisher did not live to say so; in the line again it will be called again.
    if not was_called or not redis.call("ZSCORE", KEYS[4], id) then return ended("parked") end
    forget(id)
  end
  if was_called then freed = free_kept(id, lines) end
end

-- Nobody is passed by who waits already.
local function queue_up()
  if not somebody_waits then return end
  for _, line in ipairs(lines) do
    if redis.call("EXISTS", KEYS[5] .. line) == 1 then return line end
  end
end

local refused = refusing(lines, was_called) or (not was_called and queue_up()) or nil
if not refused then
  for _, line in ipairs(lines) do take(line, token) end
  return ended("placed")
end
if id == "" then return { "refused", math.max(1, opening(refused) - time) } end

somebody_waits = true
redis.call("HSET", KEYS[1], id, publication)
redis.call("HSET", KEYS[2], id, cjson.encode({ lines = lines }))
redis.call("ZADD", KEYS[5] .. refused, was_called and ARGV[11] or ARGV[12] + time, id)
move(refused)
return ended("parked")

-- Stores results, each unless a final one is there already, and wakes everybody who waits for them.
--
-- KEYS      for each message: result, waiters set
-- ARGV      for each message: the result as JSON, milliseconds that it is kept, reply channel that the message named
--           or "", the message's id
-- Returns   nothing

-- What each channel is told: a line for each message, its id and its result.
local news = {}
local function tell(channel, line)
  local lines = news[channel] or {}
  lines[#lines + 1] = line
  news[channel] = lines
end

-- After a removal, if only of what is never there, the script may write on a server that is out of memory as well, so
-- that work can end.
redis.call("DEL", KEYS[1] .. ":none")

-- Whether the result is stored: one that is final stays.
local function store(key, json, ttl)
  if redis.call("SET", key, json, "PX", ttl, "NX") then return true end
  if is_final(redis.call("GET", key)) then return false end
  redis.call("SET", key, json, "PX", ttl)
  return true
end

for i = 0, #KEYS / 2 - 1 do
  local waiters = KEYS[2 * i + 2]
  local json, ttl, reply, id = ARGV[4 * i + 1], ARGV[4 * i + 2], ARGV[4 * i + 3], ARGV[4 * i + 4]
  if store(KEYS[2 * i + 1], json, ttl) then
    local line = id .. " " .. json
    if reply ~= "" then tell(reply, line) end
    local channels = redis.call("SMEMBERS", waiters)
    for _, channel in ipairs(channels) do tell(channel, line) end
    if #channels > 0 then redis.call("DEL", waiters) end
  end
end

-- A user without rights on channels still stores the results: those who wait find them when their time is over.
for channel, lines in pairs(news) do redis.pcall("PUBLISH", channel, table.concat(lines, "\n")) end

-- Stores results, each unless a successful one is there already, and wakes everybody who waits for them.
--
-- KEYS      for each message: result, state, waiters set
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

for i = 0, #KEYS / 3 - 1 do
  local result, state, waiters = KEYS[3 * i + 1], KEYS[3 * i + 2], KEYS[3 * i + 3]
  local json, ttl, reply, id = ARGV[4 * i + 1], ARGV[4 * i + 2], ARGV[4 * i + 3], ARGV[4 * i + 4]
  local old = redis.call("GET", result)
  if not old or string.sub(old, 1, 10) ~= '{"ok":true' then
    local channels = redis.call("SMEMBERS", waiters)
    -- A removal first: after it the script may write on a server that is out of memory as well, so that work can end.
    redis.call("DEL", state, waiters)
    redis.call("SET", result, json, "PX", ttl)
    local line = id .. " " .. json
    if reply ~= "" then tell(reply, line) end
    for _, channel in ipairs(channels) do tell(channel, line) end
  end
end

-- A user without rights on channels still stores the results: those who wait find them when their time is over.
for channel, lines in pairs(news) do redis.pcall("PUBLISH", channel, table.concat(lines, "\n")) end

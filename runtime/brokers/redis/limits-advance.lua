-- Calls those whose turn has come by time alone.
--
-- KEYS, ARGV[1..7] as in limits.lua
-- ARGV[8]  1 where all lines are looked at anew
-- Returns  what progress() of limits.lua does

-- Whoever was to publish them did not live to say so: they go back to where they stood, and are called again.
for _, id in ipairs(redis.call("ZRANGEBYSCORE", KEYS[4], "-inf", time, "LIMIT", 0, MOST_LINES)) do
  local record = record_of(id)
  redis.call("ZREM", KEYS[4], id)
  if record then
    redis.call("ZADD", KEYS[5] .. record.lines[1], record.turn, id)
    schedule(record.lines[1])
  else
    forget(id)
  end
end

if ARGV[8] == "1" and somebody_waits then
  for limit in pairs(limits) do
    local due = KEYS[3] .. limit
    for _, line in ipairs(redis.call("ZRANGE", due, 0, -1)) do redis.call("ZADD", due, 0, line) end
  end
end

for limit in pairs(limits) do
  local latest = latest_due(limit)
  local lines = redis.call("ZRANGEBYSCORE", KEYS[3] .. limit, "-inf", latest, "LIMIT", 0, MOST_LINES)
  for _, line in ipairs(lines) do move(line) end
end
return progress()

-- Tells what was cancelled in a queue since some version.
--
-- KEYS[1]  cancelled zset
-- KEYS[2]  cancels zset
-- ARGV[1]  the version that is known
-- Returns  {the present version, 0 where nothing is cancelled; the server's time; id, until when it is remembered, ...}

local version = tonumber(redis.call("ZSCORE", KEYS[2], "") or 0)
local reply = { version, now() }
if version > tonumber(ARGV[1]) then
  for _, id in ipairs(redis.call("ZRANGEBYSCORE", KEYS[2], "(" .. ARGV[1], "+inf")) do
    local expiry = redis.call("ZSCORE", KEYS[1], id)
    if expiry then
      reply[#reply + 1] = id
      reply[#reply + 1] = tonumber(expiry)
    end
  end
end
return reply

-- Adds a message to a queue. A consumer that waits is given it at once; else it joins the line.
--
-- KEYS[1]  ready list of its priority
-- KEYS[2]  idle zset
-- KEYS[3]  leases zset
-- ARGV[1]  body
-- ARGV[2]  priority
-- Returns  nothing

-- In bytes. A larger one would fill the buffer of a connection that is meant for words.
local LARGEST_HANDED_OVER = 64 * 1024

-- What a consumer in the idle zset would take next anyway is put into its running hash and told on its wake channel, so
-- that it need not come and ask: one round trip less. The score is the sequence number that it keeps free for this.
local function hand_over()
  if #ARGV[1] > LARGEST_HANDED_OVER or redis.call("EXISTS", KEYS[1]) == 1 then return false end
  local time = now()
  while true do
    local channel, sequence = unpack(redis.call("ZRANDMEMBER", KEYS[2], 1, "WITHSCORES"))
    if not channel then return false end
    local base, consumer = string.match(channel, "^(.*):wake:([^:]+)$")
    local expiry = redis.call("ZSCORE", KEYS[3], consumer)
    if expiry and tonumber(expiry) > time then
      local running = base .. ":running:" .. consumer
      local field = sequence * 10 + ARGV[2]
      redis.call("HSET", running, field, ARGV[1])
      redis.call("ZREM", KEYS[2], channel)
      local heard = redis.pcall("PUBLISH", channel, field .. " " .. ARGV[1])
      if type(heard) == "number" and heard > 0 then return true end
      redis.call("HDEL", running, field)
      -- Without rights on channels, nobody can be told.
      if type(heard) ~= "number" then return false end
    else
      redis.call("ZREM", KEYS[2], channel)
    end
  end
end

if not hand_over() then
  redis.call("LPUSH", KEYS[1], ARGV[1])
  wake(KEYS[2])
end

-- Stores a result, unless a successful one is there already, and wakes everybody who waits for it.
--
-- KEYS[1]  result
-- KEYS[2]  state
-- KEYS[3]  waiters set
-- ARGV[1]  the result, as JSON
-- ARGV[2]  milliseconds that it is kept
-- ARGV[3]  reply channel that the message named, or ""
-- ARGV[4]  what is published: the message's id and the result
-- Returns  1, or 0 when an answer was there already

local old = redis.call("GET", KEYS[1])
if old and string.sub(old, 1, 10) == '{"ok":true' then return 0 end

-- A removal first: after it the script may write on a server that is out of memory as well, so that work can end there.
redis.call("DEL", KEYS[2])
redis.call("SET", KEYS[1], ARGV[1], "PX", ARGV[2])
if ARGV[3] ~= "" then redis.pcall("PUBLISH", ARGV[3], ARGV[4]) end
for _, channel in ipairs(redis.call("SMEMBERS", KEYS[3])) do redis.pcall("PUBLISH", channel, ARGV[4]) end
redis.call("DEL", KEYS[3])
return 1

-- Says whether a message that reached a worker is the one sending of its id that counts. Where none is known to, it is.
--
-- KEYS[1]  claim of the id
-- ARGV[1]  id
-- ARGV[2]  mark of the sending
-- ARGV[3]  milliseconds that the claim lasts
-- Returns  1, or 0 where another sending counts

local mark, pending = unpack(redis.call("HMGET", KEYS[1], "mark", "pending"))
if mark and mark ~= ARGV[2] then return 0 end
if mark and pending ~= "1" then return 1 end
redis.call("HSET", KEYS[1], "id", ARGV[1], "due", now(), "mark", ARGV[2], "pending", "")
redis.call("PEXPIRE", KEYS[1], ARGV[3])
return 1

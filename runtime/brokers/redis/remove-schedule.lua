-- Ends a schedule that was made at run time, and tells the workers.
--
-- KEYS[1]  lead hash
-- KEYS[2]  made hash
-- ARGV[1]  id
-- ARGV[2]  milliseconds that progress is remembered
-- ARGV[3]  channel
-- Returns  1, or 0 where there was none

if redis.call("HDEL", KEYS[2], ARGV[1]) == 0 then return 0 end
redis.call("HINCRBY", KEYS[1], "version", 1)
redis.call("PEXPIRE", KEYS[1], ARGV[2])
redis.pcall("PUBLISH", ARGV[3], "")
return 1

-- Makes a schedule of a queue, or another of it, and tells the workers.
--
-- KEYS[1]  lead hash
-- KEYS[2]  ticks hash
-- KEYS[3]  made hash
-- ARGV[1]  id
-- ARGV[2]  definition
-- ARGV[3]  track
-- ARGV[4]  milliseconds that progress is remembered
-- ARGV[5]  channel
-- Returns  nothing

-- One that was not there begins now, whatever came of an earlier one of its name; another of one that is there goes on.
local is_new = redis.call("HSET", KEYS[3], ARGV[1], ARGV[2]) == 1
redis.call(is_new and "HSET" or "HSETNX", KEYS[2], ARGV[3], now())
redis.call("HINCRBY", KEYS[1], "version", 1)
redis.call("PEXPIRE", KEYS[1], ARGV[4])
redis.call("PEXPIRE", KEYS[2], ARGV[4])
redis.pcall("PUBLISH", ARGV[5], "")

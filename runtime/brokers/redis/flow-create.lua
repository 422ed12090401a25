-- Keeps a new flow.
--
-- KEYS[1]  flow hash
-- ARGV[1]  milliseconds that it is kept
-- ARGV     fields and values in turn
-- Returns  nothing

for i = 2, #ARGV, 2 do redis.call("HSET", KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call("PEXPIRE", KEYS[1], ARGV[1])

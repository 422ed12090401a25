-- Makes a barrier.
--
-- KEYS[1]  barrier hash
-- ARGV[1]  how many members it takes
-- ARGV[2]  milliseconds that it lasts
-- Returns  1, or 0 where there is one

if redis.call("HSETNX", KEYS[1], "parties", ARGV[1]) == 0 then return 0 end
redis.call("PEXPIRE", KEYS[1], ARGV[2])
return 1

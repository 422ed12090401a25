-- Returns a result that is there; else has this process told as soon as it is.
--
-- KEYS[1]  result
-- KEYS[2]  waiters set
-- ARGV[1]  reply channel of the process
-- ARGV[2]  milliseconds that it waits at most
-- Returns  the result, or nil

local result = redis.call("GET", KEYS[1])
if result then return result end
-- After a removal the script may write on a server that is out of memory as well: callers can wait there.
redis.call("SREM", KEYS[2], ARGV[1])
redis.call("SADD", KEYS[2], ARGV[1])
-- Others may wait longer than this process.
if redis.call("PTTL", KEYS[2]) < tonumber(ARGV[2]) then redis.call("PEXPIRE", KEYS[2], ARGV[2]) end
return nil

-- Notes that a worker is there, forgets those that have said nothing for long, and tells what is paused.
--
-- KEYS[1]  records hash
-- KEYS[2]  seen zset
-- KEYS[3]  pauses hash
-- ARGV[1]  worker's id
-- ARGV[2]  what it says of itself
-- ARGV[3]  milliseconds after which a worker that says nothing is forgotten
-- Returns  fields and values of the pauses hash in turn

local time = now()
redis.call("HSET", KEYS[1], ARGV[1], ARGV[2])
redis.call("ZADD", KEYS[2], time, ARGV[1])

for _, gone in ipairs(redis.call("ZRANGEBYSCORE", KEYS[2], "-inf", time - ARGV[3], "LIMIT", 0, 1000)) do
  redis.call("HDEL", KEYS[1], gone)
  redis.call("ZREM", KEYS[2], gone)
end

redis.call("PEXPIRE", KEYS[1], ARGV[3])
redis.call("PEXPIRE", KEYS[2], ARGV[3])
return redis.call("HGETALL", KEYS[3])

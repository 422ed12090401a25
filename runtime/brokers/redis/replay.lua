-- Puts a dead letter back into its queue.
--
-- KEYS[1]  dead letters hash
-- KEYS[2]  dead letters index zset
-- KEYS[3]  ready list of its priority
-- KEYS[4]  idle zset
-- ARGV[1]  id
-- ARGV[2]  body of the message as a first attempt
-- Returns  1, or 0 when there is no such dead letter

if redis.call("HDEL", KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call("ZREM", KEYS[2], ARGV[1])
redis.call("LPUSH", KEYS[3], ARGV[2])

wake(KEYS[4])
return 1

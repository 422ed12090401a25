-- Pauses a queue: from now on `take` takes nothing.
--
-- KEYS[1]  what is there while the queue is paused
-- KEYS[2]  idle zset
-- KEYS[3]  idle zset of the suspects
-- Returns  nothing

redis.call("SET", KEYS[1], now())
-- Who waits is to be handed nothing; it looks by itself before long.
redis.call("DEL", KEYS[2], KEYS[3])

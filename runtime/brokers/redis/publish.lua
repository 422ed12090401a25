-- Adds a message to a queue and wakes a consumer that waits.
--
-- KEYS[1]  ready list of its priority
-- KEYS[2]  idle set
-- ARGV[1]  body
-- Returns  the length of the list

local length = redis.call("LPUSH", KEYS[1], ARGV[1])
wake(KEYS[2])
return length

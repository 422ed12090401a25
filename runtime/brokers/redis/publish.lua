-- Adds messages of one priority to a queue and wakes a consumer that waits.
--
-- KEYS[1]  ready list of the priority
-- KEYS[2]  idle set
-- ARGV     bodies, the first to be taken first
-- Returns  the length of the list

local length = redis.call("LPUSH", KEYS[1], unpack(ARGV))
wake(KEYS[2])
return length

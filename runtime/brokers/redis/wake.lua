-- Wakes one consumer that waits, if there is one.
--
-- KEYS[1]  idle zset
-- Returns  nothing

wake(KEYS[1])

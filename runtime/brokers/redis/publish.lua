-- Adds a message to a queue. A consumer that waits is given it at once; else it joins the line.
--
-- KEYS[1]  ready list of its priority
-- KEYS[2]  idle zset
-- KEYS[3]  leases zset
-- ARGV[1]  body
-- ARGV[2]  priority
-- Returns  nothing

enqueue(KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[2])

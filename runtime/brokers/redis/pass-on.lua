-- Takes a consumer out of the idle zset; one that was told to take already passes the word on.
--
-- KEYS[1]  idle zset
-- ARGV[1]  its wake channel
-- Returns  1 if it was idle

local was_idle = redis.call("ZREM", KEYS[1], ARGV[1])
if was_idle == 0 then wake(KEYS[1]) end
return was_idle

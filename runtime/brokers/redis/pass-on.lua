-- Takes a consumer out of the idle set; one that was told to take already passes the word on.
--
-- KEYS[1]  idle set
-- ARGV[1]  its wake channel
-- Returns  1 if it was idle

local was_idle = redis.call("SREM", KEYS[1], ARGV[1])
if was_idle == 0 then wake(KEYS[1]) end
return was_idle

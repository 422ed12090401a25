-- Ends a consumer in good order: it gives back what it holds, untouched, and is forgotten.
--
-- KEYS[1]      running hash of this consumer
-- KEYS[2]      leases zset
-- KEYS[3]      consumers set
-- KEYS[4]      idle zset
-- KEYS[5..14]  ready lists, priority 9 down to 0
-- ARGV[1]      consumer
-- ARGV[2]      its wake channel
-- Returns      the number of messages given back

redis.call("ZREM", KEYS[2], ARGV[1])
redis.call("SREM", KEYS[3], ARGV[1])
redis.call("ZREM", KEYS[4], ARGV[2])

local fields = redis.call("HKEYS", KEYS[1])
put_back(KEYS[1], fields, in_line(5))

-- Somebody else may have been passed over for this consumer, whatever it held.
wake(KEYS[4])
return #fields

-- Records what is known of a message, and tells those who follow it, who find it recorded.
--
-- KEYS[1]  record
-- ARGV[1]  the record as JSON
-- ARGV[2]  milliseconds that it is kept
-- ARGV[3]  the message's channel
-- ARGV[4]  which record it is
-- Returns  nothing

redis.call("SET", KEYS[1], ARGV[1], "PX", ARGV[2])
redis.call("PUBLISH", ARGV[3], ARGV[4] .. " " .. ARGV[1])

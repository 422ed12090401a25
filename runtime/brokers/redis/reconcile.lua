-- Gives back what a consumer holds without knowing it: an answer or a word to it was lost.
--
-- KEYS[1]      running hash of this consumer
-- KEYS[2]      idle zset
-- KEYS[3..12]  ready lists, priority 9 down to 0
-- ARGV[1]      this consumer's wake channel
-- ARGV[2..]    fields that it knows of
-- Returns      the number of messages given back

-- Nothing is handed over under a sequence number from before: the consumer would take it for one of these.
redis.call("ZREM", KEYS[2], ARGV[1])

local known = {}
for i = 2, #ARGV do known[ARGV[i]] = true end

local back = {}
for _, field in ipairs(redis.call("HKEYS", KEYS[1])) do
  if not known[field] then back[#back + 1] = field end
end

put_back(KEYS[1], back, in_line(3))
if #back > 0 then wake(KEYS[2]) end
return #back

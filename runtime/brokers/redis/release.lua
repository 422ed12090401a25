-- Gives messages back to the front of their line: those named, or all but those named.
--
-- KEYS[1]      running hash of this consumer
-- KEYS[2]      idle set
-- KEYS[3..12]  ready lists, priority 9 down to 0
-- ARGV[1]      "these" or "others"
-- ARGV[2..]    fields of the running hash
-- Returns      the number of messages given back

local named = {}
for i = 2, #ARGV do named[ARGV[i]] = true end

local back = {}
for _, field in ipairs(redis.call("HKEYS", KEYS[1])) do
  if (named[field] or false) == (ARGV[1] == "these") then back[#back + 1] = field end
end

put_back(KEYS[1], back, 3)
if #back > 0 then wake(KEYS[2]) end
return #back

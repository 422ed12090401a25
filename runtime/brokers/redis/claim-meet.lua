-- Says what a message that reached a worker is to do. If it runs, the keys that were pending for it are its own.
--
-- KEYS[1]   replaced zset
-- KEYS[2..] claims
-- ARGV[1]   id
-- ARGV[2]   mark of the sending
-- ARGV[3]   milliseconds that a replaced message is remembered after it was due
-- ARGV[4]   milliseconds that it is remembered from now on if this is one
-- ARGV[5]   which of the claims is that of the id itself, of which there may be several sendings; 0 for none
-- ARGV[6..] for each claim, milliseconds that it lasts
-- Returns   "runs"; "copy" where another sending of its id does; "replaced" where another message stands for it

local of_id = tonumber(ARGV[5])
local sent = of_id > 0 and read(KEYS[1 + of_id])
if sent and sent.mark ~= ARGV[2] and sent.pending == "" then return "copy" end

local time = now()
redis.call("ZREMRANGEBYSCORE", KEYS[1], "-inf", time)
local expiry = redis.call("ZSCORE", KEYS[1], ARGV[1])
if expiry then
  redis.call("ZADD", KEYS[1], math.min(expiry, time + ARGV[4]), ARGV[1])
  return "replaced"
end

for i = 2, #KEYS do settle(KEYS[i], ARGV[1], ARGV[2], ARGV[4 + i], KEYS[1], ARGV[3]) end
if of_id > 0 and not sent then
  local claim = { id = ARGV[1], due = time, mark = ARGV[2], pending = "", olders = {} }
  write(KEYS[1 + of_id], claim, ARGV[5 + of_id])
end
return "runs"

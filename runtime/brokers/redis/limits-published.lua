-- Forgets messages that are in their queues, unless they came out, were parked again and were called anew.
--
-- KEYS, ARGV[1..7] as in limits.lua; ARGV[7] is the ticket that they were called with
-- ARGV[8..] their ids
-- Returns  how many were forgotten

local forgotten = 0
for i = 8, #ARGV do
  local record = record_of(ARGV[i])
  if record and record.ticket == ARGV[7] then
    forget(ARGV[i])
    -- It took so long that it was put back into its line.
    for _, line in ipairs(record.lines) do
      if redis.call("ZREM", KEYS[5] .. line, ARGV[i]) == 1 then schedule(line) end
    end
    forgotten = forgotten + 1
  end
end
return forgotten

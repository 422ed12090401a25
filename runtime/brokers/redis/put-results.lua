-- Stores results, each unless a final one is there already, and wakes everybody who waits for them.
--
-- KEYS      for each message: result
-- ARGV      for each message: the result as JSON, milliseconds that it is kept, reply channel that the message named
--           or "", the message's id
-- Returns   nothing

-- GETEX counts as a write: after it the script may write on a server that is out of memory as well, so that work can end.
redis.call("GETEX", KEYS[1])

put_results(#KEYS, 1, 1)

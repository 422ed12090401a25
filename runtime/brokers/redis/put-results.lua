-- Stores results, each unless a final one is there already, and wakes everybody who waits for them.
--
-- KEYS      for each message: result
-- ARGV      for each message: the result as JSON, milliseconds that it is kept, reply channel that the message named
--           or "", the message's id
-- Returns   nothing

-- After a removal, if only of what is never there, the script may write on a server that is out of memory as well, so
-- that work can end.
redis.call("DEL", KEYS[1] .. ":none")

put_results(#KEYS, 1, 1)

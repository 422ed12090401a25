-- What the scripts share of claims whose messages are sent elsewhere; it stands in front of each of them.
--
-- A claim is a hash: the id and the mark of the sending that has the key, when its message is due, until when it is
-- pending ("" once it is known that the message is there), and as JSON those that had the key before, the latest last.
-- Some of these are pending as well: their senders were away for so long that others asked for the key. Of all that are
-- pending the first has the key that is known to be there: its sender says so, or it has reached a worker.

-- A claim, or nil where nobody has the key.
local function read(key)
  local id, due, mark, pending, olders = unpack(redis.call("HMGET", key, "id", "due", "mark", "pending", "olders"))
  if not id then return nil end
  return {
    id = id,
    due = due,
    mark = mark or "",
    pending = pending or "",
    olders = olders and olders ~= "" and cjson.decode(olders) or {},
  }
end

local function write(key, claim, milliseconds)
  local olders = #claim.olders > 0 and cjson.encode(claim.olders) or ""
  redis.call("HSET", key, "id", claim.id, "due", claim.due, "mark", claim.mark, "pending", claim.pending, "olders", olders)
  redis.call("PEXPIRE", key, math.max(1, milliseconds))
end

-- Remembers for so many milliseconds after it was due that a message is not to run.
local function replace(replaced, claim, milliseconds)
  local time = now()
  local expiry = math.max(time, tonumber(claim.due)) + milliseconds
  redis.call("ZADD", replaced, expiry, claim.id)
  if redis.call("PTTL", replaced) < expiry - time then redis.call("PEXPIRE", replaced, math.ceil(expiry - time)) end
end

-- A sending is known to be there: a key that is pending for it is its own for `ttl` milliseconds, and no other message
-- that had the key or asked for it runs.
local function settle(key, id, mark, ttl, replaced, remembered)
  local claim = read(key)
  if not claim then return end
  local own = claim.pending ~= "" and claim.id == id and claim or nil
  for _, older in ipairs(claim.olders) do
    if older.mark == mark and older.pending ~= "" then own = own or older end
  end
  if not own then return end
  if claim.id ~= id then replace(replaced, claim, remembered) end
  for _, older in ipairs(claim.olders) do
    if older.id ~= id then replace(replaced, older, remembered) end
  end
  write(key, { id = id, due = own.due, mark = mark, pending = "", olders = {} }, ttl)
end

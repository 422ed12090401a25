-- What the scripts share that have to know which messages are in somebody's hands; it stands in front of each of them.

-- The envelope's first field is its id, or the second one after its crashes; another program's may stand elsewhere.
local function id_of(body)
  local id = string.match(body, '^{"id":"([^"\\]+)"') or string.match(body, '^{"crashes":%d+,"id":"([^"\\]+)"')
  if id then return id end
  local read, message = pcall(cjson.decode, body)
  return read and type(message) == "table" and message.id or nil
end

-- Adds to `held` the ids of what the consumers of a lane hold, whose running hashes begin with `prefix`.
local function look(held, leases, consumers, prefix)
  local seen = {}
  local function look_at(names)
    for _, consumer in ipairs(names) do
      if not seen[consumer] then
        seen[consumer] = true
        for _, body in ipairs(redis.call("HVALS", prefix .. consumer)) do held[id_of(body) or ""] = true end
      end
    end
  end
  look_at(redis.call("SMEMBERS", consumers))
  look_at(redis.call("ZRANGE", leases, 0, -1))
end

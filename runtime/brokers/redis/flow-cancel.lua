-- Ends a flow: no further step of it begins.
--
-- KEYS[1]  flow hash
-- Returns  meta, and the nodes that were handed out and have not ended; nil where there is no such flow

local meta = redis.call("HGET", KEYS[1], "meta")
if not meta then return nil end
redis.call("HSET", KEYS[1], "cancelled", 1)
local nodes = {}
for _, field in ipairs(redis.call("HKEYS", KEYS[1])) do
  local node = string.match(field, "^copies:(%d+)$")
  if node and not redis.call("HGET", KEYS[1], "end:" .. node) then nodes[#nodes + 1] = tonumber(node) end
end
table.sort(nodes)
return {meta, nodes}

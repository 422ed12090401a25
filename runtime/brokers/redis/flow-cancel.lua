-- Ends a flow: no further step of it begins. One that has ended before, in which no step is open but dead ones and those
-- beside it, stays as it is: a dead step may be replayed.
--
-- KEYS[1]  flow hash
-- Returns  meta, and the nodes that were handed out and have not ended; nil where there is no such flow, or it has ended

local flow = KEYS[1]

local function get(field) return redis.call("HGET", flow, field) end

local meta = get("meta")
if not meta then return nil end

local nodes, goes_on = {}, false
for _, field in ipairs(redis.call("HKEYS", flow)) do
  local node = string.match(field, "^copies:(%d+)$")
  if node and not get("end:" .. node) then
    nodes[#nodes + 1] = tonumber(node)
    goes_on = goes_on or not (get("dead:" .. node) or cjson.decode(get("node:" .. node)).aside)
  end
end
if not goes_on then return nil end

redis.call("HSET", flow, "cancelled", 1)
table.sort(nodes)
return {meta, nodes}

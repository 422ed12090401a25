-- Begins a step of a flow, or records its end; says what follows, and keeps the flow for its time.
--
-- KEYS[1]  flow hash, of these fields:
--            ttl, afterwards, meta   as the flow was created
--            open                    how many of the steps that may go on when it is through were handed out and can end yet
--            through                 there where its last node has ended
--            node:<n>                the node, as JSON
--            message:<n>             what its message is made of
--            copies:<n>              how many messages were handed out for it
--            begun:<n>               the copy that runs
--            dead:<n>                "dead" where it is, and was not begun again since; "cancelled" where it was, for good
--            end:<n>                 "+" and what came of it, "-" and its error, or "*" for a join
--            left:<n>                of a join: how many members have not ended
--            closer:<n>              of a join: the step that ended last
--            failed                  the step that the flow failed with first
--            cancelled               there where it was
-- ARGV[1]  "begin", "done", "dead" or "cancel"
-- ARGV[2]  node
-- ARGV[3]  copy
-- ARGV[4]  of "done" what came of it, of "dead" and "cancel" its error; as JSON
-- Returns  {"expired"}, {"cancelled"}, {"dropped"}, {"elsewhere"}, {"run"} or {"late"}; else {"ended", meta, 1 where the
--          flow has failed with this step, node of the member that fell with it or "", ready, told, values}: `ready` has
--          node, copy, message and source or "" of each step, `told` nodes, `values` nodes and JSON in turn

local flow = KEYS[1]
local event, node, copy, value = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local function get(field) return redis.call("HGET", flow, field) end
local function put_first(field, text) return redis.call("HSETNX", flow, field, text) == 1 end

local ttl = get("ttl")
if not ttl then return {"expired"} end
if get("cancelled") then return {"cancelled"} end

local function definition(n) return cjson.decode(get("node:" .. n)) end

-- Whether a step may go on when the flow is through.
local function is_loose(n)
  local step = definition(n)
  return step.aside or step.falls
end

-- Node numbers are read from JSON as floats.
local function name(n) return string.format("%d", n) end

-- How long a step that is handed out is held back at most.
local held = 0

-- What came of a node, as JSON: leaves are objects, groups lists.
local function came_of(n)
  local ending = get("end:" .. n)
  if ending ~= "*" then return string.sub(ending, 2) end
  local join = definition(n)
  local outputs = {}
  for i, member in ipairs(join.of) do outputs[i] = came_of(name(member)) end
  local list = "[" .. table.concat(outputs, ",") .. "]"
  return join.collects and '{"settled":' .. list .. "}" or list
end

local ready, told, values, valued = {}, {}, {}, {}

local function need(n)
  if valued[n] then return end
  valued[n] = true
  values[#values + 1] = n
  values[#values + 1] = came_of(n)
end

local function hand_out(n, source)
  if get("begun:" .. n) then return end
  local number = redis.call("HINCRBY", flow, "copies:" .. n, 1)
  if number == 1 and is_loose(n) and get("dead:" .. n) ~= "cancelled" then redis.call("HINCRBY", flow, "open", 1) end
  for _, part in ipairs({n, number, get("message:" .. n), source}) do ready[#ready + 1] = part end
  held = math.max(held, definition(n).delay or 0)
  if source ~= "" then need(source) end
end

-- Hands out what follows a node. `first`: it has ended just now. A join is closed by the step that ended last in it, and
-- only that one hands out what follows: also when it comes again.
local function follow(n, first)
  local ended = definition(n)
  if ended.told then
    told[#told + 1] = n
    need(n)
  end
  for _, each in ipairs(ended.next or {}) do hand_out(name(each), n) end
  for _, each in ipairs(ended.after or {}) do hand_out(name(each), "") end
  if ended.last then put_first("through", 1) end
  if not ended.join then return end
  local join = name(ended.join)
  if not first then
    if get("closer:" .. join) == node then follow(join, false) end
  elseif redis.call("HINCRBY", flow, "left:" .. join, -1) == 0 and put_first("end:" .. join, "*") then
    redis.call("HSET", flow, "closer:" .. join, node)
    follow(join, true)
  end
end

-- The flow is kept for longer, never for less, unless nothing more can happen to it: it is through, and no step goes on, or
-- is dead and may be replayed.
local function touch()
  local keep = ttl + held
  if get("through") and tonumber(get("open")) == 0 then keep = get("afterwards")
  elseif redis.call("PTTL", flow) > keep then return end
  redis.call("PEXPIRE", flow, keep)
end

local function ended(failed, fell)
  touch()
  return {"ended", get("meta"), failed, fell, ready, told, values}
end

local function is_done() return string.sub(get("end:" .. node) or "", 1, 1) == "+" end

-- It can end no more in another way.
local function close()
  if is_loose(node) then redis.call("HINCRBY", flow, "open", -1) end
end

local function begin()
  if is_done() then
    follow(node, false)
    return ended(0, "")
  end
  if get("dead:" .. node) == "cancelled" then return {"dropped"} end
  if not put_first("begun:" .. node, copy) and get("begun:" .. node) ~= copy then return {"elsewhere"} end
  redis.call("HDEL", flow, "dead:" .. node)
  touch()
  return {"run"}
end

local function done()
  if get("dead:" .. node) == "cancelled" then return {"late"} end
  if get("failed") == node then redis.call("HDEL", flow, "failed") end
  local first = put_first("end:" .. node, "+" .. value)
  if first then close() end
  follow(node, first)
  return ended(0, "")
end

local function dead(how)
  if is_done() then return {"late"} end
  local before = get("dead:" .. node)
  if before ~= "cancelled" then
    if how == "cancelled" and before then return ended(0, "") end
    redis.call("HSET", flow, "dead:" .. node, how)
    if how == "cancelled" and get("copies:" .. node) then close() end
  end
  local step = definition(node)
  if step.aside then return ended(0, "") end
  if step.falls then
    local member = name(step.falls)
    follow(member, put_first("end:" .. member, "-" .. value))
    return ended(0, member)
  end
  put_first("failed", node)
  return ended(get("failed") == node and 1 or 0, "")
end

if event == "begin" then return begin() end
if event == "done" then return done() end
if event == "dead" then return dead("dead") end
-- Whoever cancels gives a number that a person gave.
local there = get("node:" .. node)
if not there or cjson.decode(there).of then return {"expired"} end
return dead("cancelled")

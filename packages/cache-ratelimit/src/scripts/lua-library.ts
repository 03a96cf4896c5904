/**
 * Refuses while the slot of a Cluster is being moved. Nothing lies under the prefix that a script is given, so the node that receives the slot
 * would be asked, and take what has not arrived for nothing counted. A question about two keys, none of which exists, is refused by both nodes
 * until the move is over, and answered by any other.
 */
export const LUA_WHOLE = `
if string.find(KEYS[1], '{', 1, true) then redis.call('EXISTS', KEYS[1], KEYS[1] .. '?') end
`;

/** The time, and the plan of a call. */
export const LUA_HEAD: string = `${LUA_WHOLE}
local time = redis.call('TIME')
local micros = time[1] * 1000000 + time[2]
local now = math.floor(micros / 1000)
local floor, ceil, max, min, byte, sub = math.floor, math.ceil, math.max, math.min, string.byte, string.sub
local pack, decode = struct.pack, struct.unpack
local MAX, LONGEST = 9007199254740991, 40000000000
local plans = {}
local function planOf(source)
  local plan = plans[source]
  if not plan then
    plan = cjson.decode(source)
    plans[source] = plan
  end
  return plan
end
`;

/**
 * What every script of the limiter shares: the state of one rule for one subject, read, judged, changed and written.
 * `limit-state.ts` is the same in TypeScript, and `state/` what differs by algorithm.
 *
 * A state is one string. Optional heads: `B` until, span (a block); `R` written (places are reserved in the future, and
 * this is when that was written). Then, by algorithm, numbers as big-endian doubles:
 *   `f` count, end, window · `c` start, window, count before, count · `b` at, backlog, weight, expiry of the key ·
 *   `l` total, then 10 bytes a hit: time in 6, cost in 4.
 * The states of rules that lie in a record are one string together: `<name>=<bytes>,…;`, then the states one behind the other.
 * Its expiry is the moment from which it says no more than no state at all; that of a bucket, which moves with every cost, lies up to
 * a sixteenth of its whole drain later, so that most calls need not move it: an expiry costs the server as much as the value. Anything else
 * under the key, damaged bytes, another type or another algorithm's state, counts as no state.
 *
 * Time is the server's, in whole ms. A state from the future that reserved nothing was written before the clock was set
 * back: it is moved to now, so that a step costs nobody more than its own length.
 */
export const LUA_STATES = `
local function whole(n) return n >= 0 and n <= MAX and n % 1 == 0 end

local records = {}
local function recordAt(key)
  local record = records[key]
  if record then return record end
  local raw = redis.pcall('GET', key)
  record = {key = key, found = raw and true or false, rules = {}, order = {}, names = {}, states = {}}
  local head = type(raw) == 'string' and string.match(raw, '^[%w=,._-]*;')
  if head then
    local pos, names, states = #head + 1, {}, {}
    for name, size in string.gmatch(head, '([%w._-]+)=(%d%d?)') do
      if states[name] then pos = 0 break end
      names[#names + 1], states[name], pos = name, sub(raw, pos, pos + size - 1), pos + size
    end
    if pos == #raw + 1 then record.names, record.states = names, states end
  end
  records[key] = record
  return record
end

-- A state of which nothing is known yet but where it lies.
local function locate(rule, subject)
  local s = {rule = rule, key = KEYS[1] .. rule[1] .. ':' .. subject, blocked = 0, span = 0, found = false, dirty = false}
  if rule[9] == '' then return s end
  local record = recordAt(KEYS[1] .. rule[9] .. ':' .. subject)
  s.record, s.name = record, sub(rule[1], #rule[9] + 2)
  if not record.rules[s.name] then record.order[#record.order + 1] = s.name end
  record.rules[s.name] = rule
  return s
end

-- The bytes of a state; false: there are none.
local function bytesOf(s)
  if s.record then return s.record.states[s.name] or false end
  return redis.pcall('GET', s.key)
end

local function parse(raw, s)
  s.found, s.raw = raw and true or false, type(raw) == 'string' and raw or ''
  if type(raw) ~= 'string' then return s end
  local rule = s.rule
  local kind, size, pos, tag, wrote = rule[2], #raw, 1, byte(raw), nil
  if tag == 66 and size >= 17 then
    local til, span = decode('>dd', raw, 2)
    pos, tag = 18, byte(raw, 18)
    if whole(til) and span >= 1 and span <= LONGEST and til > now then
      if til - now > span then til, s.dirty = now + span, true end
      s.blocked, s.span = til, span
    end
  end
  if tag == 82 and size >= pos + 8 then
    wrote = decode('>d', raw, pos + 1)
    if not whole(wrote) then return s end
    pos = pos + 9
    tag = byte(raw, pos)
  end
  local left = size - pos
  if kind == 'f' then
    if tag ~= 102 or left ~= 24 then return s end
    local count, finish, window = decode('>ddd', raw, pos + 1)
    if not (whole(count) and whole(finish) and whole(window) and window >= 1 and window <= LONGEST) then return s end
    local ahead = (wrote or finish - window) - now
    if ahead > 0 then finish, s.dirty = finish - ahead, true end
    if finish > now and finish <= now + 2 * LONGEST then
      s.count, s.finish, s.window = count, finish, window
    end
  elseif kind == 'b' then
    if tag ~= 98 or left ~= 32 then return s end
    local at, backlog, weight, til = decode('>dddd', raw, pos + 1)
    if not (whole(at) and whole(backlog) and whole(weight) and weight >= 1) then return s end
    local ahead = (wrote or at) - now
    if ahead > 0 then at, s.dirty = at - ahead, true end
    if at > now + LONGEST then return s end
    if weight ~= rule[5] then backlog = ceil(backlog / weight * rule[5]) end
    if at < now then
      backlog = backlog - (now - at) * rule[6]
      at = now
    end
    if backlog > 0 then s.at, s.backlog = at, min(backlog, 2 * rule[3] * rule[5]) end
    s.til, s.kept = til, size == 33 and not s.dirty and whole(til)
  elseif kind == 'c' then
    if tag ~= 99 or left ~= 32 then return s end
    local start, window, before, count = decode('>dddd', raw, pos + 1)
    if not (whole(start) and whole(window) and whole(before) and whole(count) and window >= 1 and window <= LONGEST) then return s end
    local ahead = (wrote or start) - now
    if ahead > 0 then start, s.dirty = start - ahead, true end
    if start > now + LONGEST or now >= start + 2 * window then return s end
    if now >= start + window then start, before, count = start + window, count, 0 end
    if window ~= rule[4] then
      count = count + ceil(before * (window - max(0, now - start)) / window)
      start, window, before = max(start, now), rule[4], 0
    end
    if before > 0 or count > 0 then s.start, s.before, s.count = start, before, count end
  else
    if tag ~= 108 or left < 18 or (left - 8) % 10 ~= 0 then return s end
    local total = decode('>d', raw, pos + 1)
    local last = decode('>I6', raw, size - 9)
    if not whole(total) then return s end
    local ahead = (wrote or last) - now
    pos = pos + 9
    if ahead > 0 then
      local moved = {}
      for i = pos, size, 10 do
        local at, cost = decode('>I6I4', raw, i)
        moved[#moved + 1] = pack('>I6I4', max(0, at - ahead), cost)
      end
      raw, pos, last, s.dirty = table.concat(moved), 1, last - ahead, true
      size = #raw
    end
    if last > now + LONGEST then return s end
    while pos < size do
      local at, cost = decode('>I6I4', raw, pos)
      if at + rule[4] > now then break end
      total, pos = total - cost, pos + 10
    end
    if pos < size and total > 0 then s.total, s.hits, s.last = total, sub(raw, pos), last end
  end
  return s
end

local function read(rule, subject)
  local s = locate(rule, subject)
  return parse(bytesOf(s), s)
end

-- The first moment, from 'from' on, at which the cost fits: never before a place that is taken already.
local function earliest(s, from, cost)
  local rule = s.rule
  local kind, limit = rule[2], rule[3]
  if s.blocked > from then from = s.blocked end
  if cost > limit then return from + rule[4] end
  if kind == 'f' then
    if not s.count or from >= s.finish then return from end
    if s.count + cost <= limit then return max(from, s.finish - s.window) end
    return s.finish
  elseif kind == 'b' then
    if not s.backlog then return from end
    return max(from, s.at, s.at + ceil((s.backlog + cost * rule[5] - limit * rule[5]) / rule[6]))
  elseif kind == 'c' then
    if not s.start then return from end
    local window = rule[4]
    local over = s.before + s.count + cost - limit
    if s.count + cost <= limit then
      local at = s.start
      if over > 0 then at = at + ceil(over * window / s.before) end
      return max(from, at)
    end
    over = s.count + cost - limit
    return max(from, s.start + window + ceil(over * window / s.count))
  end
  if not s.total then return from end
  local at, total, pos, size = max(from, s.last), s.total, 1, #s.hits
  while total + cost > limit and pos < size do
    local hit, spent = decode('>I6I4', s.hits, pos)
    at, total, pos = max(at, hit + rule[4]), total - spent, pos + 10
  end
  return at
end

-- Spends the cost at a moment that 'earliest' allows, or past the limit as a penalty.
local function take(s, at, cost)
  local rule = s.rule
  local kind = rule[2]
  if kind == 'f' then
    if not s.count or at >= s.finish then s.count, s.finish, s.window = cost, at + rule[4], rule[4]
    else s.count = s.count + cost end
  elseif kind == 'b' then
    local backlog = s.backlog and max(0, s.backlog - (at - s.at) * rule[6]) or 0
    s.at, s.backlog = at, backlog + cost * rule[5]
  elseif kind == 'c' then
    local window = rule[4]
    if not s.start or at >= s.start + 2 * window then s.start, s.before, s.count = at, 0, 0
    elseif at >= s.start + window then s.start, s.before, s.count = s.start + window, s.count, 0 end
    s.count = s.count + cost
  else
    local hits = s.hits or ''
    s.total = (s.total or 0) + cost
    if s.last and floor(s.last / rule[5]) == floor(at / rule[5]) then
      local _, spent = decode('>I6I4', hits, #hits - 9)
      hits, cost = sub(hits, 1, -11), cost + spent
    end
    s.hits, s.last = hits .. pack('>I6I4', at, cost), at
  end
end

-- Gives back what was spent, the newest first, and never more than there is.
local function give(s, cost)
  local kind = s.rule[2]
  if kind == 'f' then
    if s.count then s.count = max(0, s.count - cost) end
  elseif kind == 'b' then
    if s.backlog then s.backlog = s.backlog - cost * s.rule[5] end
    if s.backlog and s.backlog <= 0 then s.at, s.backlog = nil, nil end
  elseif kind == 'c' then
    if not s.start then return end
    local rest = max(0, cost - s.count)
    s.count, s.before = max(0, s.count - cost), max(0, s.before - rest)
    if s.count == 0 and s.before == 0 then s.start, s.before, s.count = nil, nil, nil end
  else
    while cost > 0 and s.total do
      local at, spent = decode('>I6I4', s.hits, #s.hits - 9)
      local hits = sub(s.hits, 1, -11)
      if spent > cost then s.hits, s.total, cost = hits .. pack('>I6I4', at, spent - cost), s.total - cost, 0
      elseif hits == '' then s.total, s.hits, s.last = nil, nil, nil
      else s.hits, s.total, s.last, cost = hits, s.total - spent, decode('>I6', hits, #hits - 9), cost - spent end
    end
  end
end

-- When the newest place is taken, and when nothing counts any more.
local function bounds(s)
  local kind = s.rule[2]
  if kind == 'f' then if s.count then return s.finish - s.window, s.finish end
  elseif kind == 'b' then if s.backlog then return s.at, s.at + ceil(s.backlog / s.rule[6]) end
  elseif kind == 'c' then if s.start then return s.start, s.start + (s.count > 0 and 2 or 1) * s.rule[4] end
  elseif s.total then return s.last, s.last + s.rule[4] end
  return now, now
end

-- What is left now, and in how many ms everything is.
local function figures(s)
  local rule = s.rule
  local kind, limit, left = rule[2], rule[3], rule[3]
  local latest, finish = bounds(s)
  if latest > now or s.blocked > now then left = 0
  elseif kind == 'f' then left = limit - (s.count or 0)
  elseif kind == 'b' then if s.backlog then left = floor((limit * rule[5] - s.backlog) / rule[5]) end
  elseif kind == 'c' then
    if s.start then left = floor((limit * rule[4] - s.before * (rule[4] - (now - s.start)) - s.count * rule[4]) / rule[4]) end
  else left = limit - (s.total or 0) end
  return max(0, left), max(finish, s.blocked) - now
end

local function slack(rule) return floor(rule[3] * rule[5] / rule[6] / 16) end

-- The bytes, and when they expire.
local function image(s)
  local body, kind, rule = '', s.rule[2], s.rule
  local latest, finish = bounds(s)
  local kept = s.kept and latest <= now and s.blocked <= now
  if s.blocked > now then finish = max(finish, s.blocked) end
  if kind == 'f' then if s.count then body = pack('>Bddd', 102, s.count, s.finish, s.window) end
  elseif kind == 'b' then
    if s.backlog then
      finish = kept and s.til >= finish and s.til or finish + slack(rule)
      body = pack('>Bdddd', 98, s.at, s.backlog, rule[5], finish)
    end
  elseif kind == 'c' then if s.start then body = pack('>Bdddd', 99, s.start, rule[4], s.before, s.count) end
  elseif s.total then body = pack('>Bd', 108, s.total) .. s.hits end
  if latest > now then body = pack('>Bd', 82, now) .. body end
  if s.blocked > now then body = pack('>Bdd', 66, s.blocked, s.span) .. body end
  return body, finish
end

-- A state in which nothing counts, as long as one in which something does: most calls find what they can change in place.
local function blank(rule)
  if rule[2] == 'f' then return pack('>Bddd', 102, 0, 0, 1) end
  return rule[2] == 'b' and pack('>Bdddd', 98, 0, 0, 1, 0) or ''
end

-- What is saved in a record is written by 'flush'.
local function save(s)
  local body, finish = image(s)
  local record = s.record
  if record then
    if body == '' then body = blank(s.rule) end
    record.states[s.name], record.changed = body, true
  elseif body ~= '' then redis.call('SET', s.key, body, 'PXAT', finish)
  elseif s.found then redis.call('DEL', s.key) end
  return body
end

local function drop(s)
  if s.record then s.record.states[s.name], s.record.changed = '', true
  elseif s.found then redis.call('DEL', s.key) end
end

-- A call that changes nothing still mends what would otherwise stay for ever.
local function heal(s)
  local stored = s.record or s
  if stored.found and stored.lost == nil then stored.lost = redis.call('PTTL', stored.key) == -1 end
  if s.dirty or stored.lost then
    s.kept = false
    save(s)
  end
end

-- From when on a state says no more than none would, by its own bytes; 0 where they say nothing.
local function endOf(state)
  local blocked, pos = 0, 1
  local function near(n) return whole(n) and n <= now + 2 * LONGEST and n or 0 end
  if byte(state) == 66 and #state >= 17 then blocked, pos = near(decode('>d', state, 2)), 18 end
  if byte(state, pos) == 82 and #state >= pos + 8 then pos = pos + 9 end
  local tag, size, finish = byte(state, pos), #state - pos + 1, 0
  if tag == 102 and size == 25 then finish = near(decode('>d', state, pos + 9))
  elseif tag == 98 and size == 33 then
    -- A burst may be many windows.
    finish = decode('>d', state, pos + 25)
    if not whole(finish) then finish = 0 end
  elseif tag == 99 and size == 33 then
    local start, window = decode('>dd', state, pos + 1)
    if window >= 1 and window <= LONGEST and window % 1 == 0 then finish = near(start + 2 * window) end
  end
  return max(blocked, finish)
end

-- Writes the records that have changed: the states of the rules that were read, in their order, then those of rules that only other
-- instances have, until they end.
local function flush()
  for key, record in pairs(records) do
    if record.changed then
      local names, states, finish = {}, {}, 0
      local function add(name, state)
        names[#names + 1], states[#states + 1] = name .. '=' .. #state, state
        finish = max(finish, endOf(state))
      end
      for _, name in ipairs(record.order) do
        local state = record.states[name] or ''
        if state == '' then state = blank(record.rules[name]) end
        if state ~= '' then add(name, state) end
      end
      for _, name in ipairs(record.names) do
        if not record.rules[name] and endOf(record.states[name]) > now then add(name, record.states[name]) end
      end
      if finish > now then redis.call('SET', key, table.concat(names, ',') .. ';' .. table.concat(states), 'PXAT', finish)
      elseif record.found then redis.call('DEL', key) end
    end
  end
end
`;

/** Both, for scripts that always need them. */
export const LUA_LIMITS: string = `${LUA_HEAD}${LUA_STATES}`;

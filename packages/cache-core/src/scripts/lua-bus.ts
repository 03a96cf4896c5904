import { BUS_FIELD } from "../internal/bus-entry.ts";

/**
 * append(bus, message, ttl, limit): one message on the bus. Sequence numbers let a reader see a gap. `limit` is a number of
 * messages, or `<messages>:<ms>` of a process that keeps a history: it is noted with the message, and those that keep
 * none go by what was noted last. O(1), and what is trimmed.
 */
export const LUA_APPEND: string = `
local function append(bus, message, ttl, limit)
  local last = redis.call('XREVRANGE', bus, '+', '-', 'COUNT', '1')[1]
  local line, number, noted = string.match(last and last[2][2] or '', '^(%S+) (%d+) ?(%S*)\\n')
  local kept = string.find(limit, ':', 1, true) and limit or noted and noted ~= '' and noted
  local head = (line or micros) .. ' ' .. string.format('%.0f', (number or 0) + 1)
  if not kept then
    redis.call('XADD', bus, 'MAXLEN', '=', limit, '*', '${BUS_FIELD}', head .. '\\n' .. message)
    expire(bus, now + ttl)
    return
  end
  local count, age = string.match(kept, '^(%d+):(%d+)$')
  redis.call('XADD', bus, 'MAXLEN', '=', count, '*', '${BUS_FIELD}', head .. ' ' .. kept .. '\\n' .. message)
  redis.call('XTRIM', bus, 'MINID', '=', string.format('%.0f', math.max(0, now - age)))
  expire(bus, now + math.max(ttl, age))
end
`;

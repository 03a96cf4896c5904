import type { AtomicOperation } from "@crm/cache-core";

/**
 * Messages of the bus: up to `count` from an end downwards, newest first; from `>start` upwards, oldest first; or, with
 * ids, just these. Replies `[[id, message], …]`. Read only.
 */
export const readBus: AtomicOperation = {
  name: "readBus",
  lua: `
-- KEYS: bus. ARGV: end or >start, count, ids... Atomic: one look. O(count).
local found, reply = {}, {}
if #ARGV > 2 then
  for i = 3, #ARGV do
    for _, entry in ipairs(redis.call('XRANGE', KEYS[1], ARGV[i], ARGV[i])) do found[#found + 1] = entry end
  end
elseif string.sub(ARGV[1], 1, 1) == '>' then
  found = redis.call('XRANGE', KEYS[1], string.sub(ARGV[1], 2), '+', 'COUNT', ARGV[2])
else
  found = redis.call('XREVRANGE', KEYS[1], ARGV[1], '-', 'COUNT', ARGV[2])
end
for i, entry in ipairs(found) do
  -- The message stands behind the head, which ends with a line feed.
  local value = entry[2][2]
  reply[i] = {entry[1], string.sub(value, (string.find(value, '\\n', 1, true) or #value) + 1)}
end
return reply
`,
  run(db, keys, args) {
    const bus = keys[0] as string;
    const ids = args.slice(2).map(String);
    const [edge, count] = [String(args[0]), Number(args[1])];
    const found =
      ids.length > 0
        ? ids.flatMap((id) => db.xrange(bus, id, id))
        : edge.startsWith(">")
          ? db.xrange(bus, edge.slice(1), "+", count)
          : db.xrevrange(bus, edge, "-", count);
    return found.map(({ id, fields }) => {
      const value = fields.get("m") ?? Buffer.alloc(0);
      const end = value.indexOf("\n");
      return [Buffer.from(id), end === -1 ? Buffer.alloc(0) : value.subarray(end + 1)];
    });
  },
};

import type { AtomicOperation } from "../atomic-operation.ts";
import { LUA_APPEND } from "./lua-bus.ts";
import { LUA_ALLOW_OOM, LUA_EXPIRE } from "./lua-names.ts";
import { bytes, number, TwinLibrary } from "./twin-library.ts";

/** Tells the bus of an invalidation whose buckets have all been visited. Replies 1. */
export const appendBus: AtomicOperation = {
  name: "appendBus",
  lua: `${LUA_ALLOW_OOM}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local micros = string.format('%.0f', time[1] * 1000000 + time[2])
${LUA_EXPIRE}${LUA_APPEND}
-- KEYS: bus, bus. ARGV: '', '', message, bus ttl ms, bus limit (see append). Atomic: the sequence number follows the last one. O(1).
append(KEYS[1], ARGV[3], ARGV[4], ARGV[5])
return 1
`,
  run(db, keys, args) {
    new TwinLibrary(db, keys, args).append(bytes(args[2]), number(args[3]), args[4]);
    return 1;
  },
};

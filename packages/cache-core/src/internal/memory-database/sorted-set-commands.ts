import type { MemoryDatabase } from "../../memory-database.ts";
import type { Place } from "../sorted-list.ts";
import type { Keyspace, Slot } from "./keyspace.ts";
import { ReplyError } from "./reply-error.ts";
import { SortedMembers, type SortedOrder } from "./sorted-members.ts";

type SortedSetCommands = Pick<
  MemoryDatabase,
  | "zadd"
  | "zrem"
  | "zscore"
  | "zcard"
  | "zrangebylex"
  | "zrevrangebylex"
  | "zrangebyscore"
  | "zremrangebyscore"
>;

/** An empty sorted set: its map and its lists. */
const SORTED_SET_BYTES = 300;
const MEMBER_BYTES = 130;

/** Sorted sets. A range costs O(log n + offset / 256 + members returned). */
export function sortedSetCommands(keyspace: Keyspace): SortedSetCommands {
  return {
    zadd(key, score, member, gt = false) {
      if (Number.isNaN(score)) throw new ReplyError("ERR value is not a valid float");
      const slot =
        keyspace.find(key, "zset") ?? keyspace.create(key, "zset", new SortedMembers(), SORTED_SET_BYTES);
      const current = slot.value.score(member);
      if (gt && current !== undefined && score <= current) return false;
      // Adding zero makes 0 of -0, as Redis does.
      if (!slot.value.set(member, score + 0)) return false;
      keyspace.resize(slot, MEMBER_BYTES + member.length);
      return true;
    },

    zrem(key, member) {
      const slot = keyspace.find(key, "zset");
      return slot !== undefined && remove(slot, member);
    },

    zscore: (key, member) => keyspace.find(key, "zset")?.value.score(member) ?? null,
    zcard: (key) => keyspace.find(key, "zset")?.value.size ?? 0,

    zrangebylex(key, min, max, offset = 0, count = -1) {
      const [low, high] = [parseBound(min), parseBound(max)];
      const order = keyspace.find(key, "zset")?.value.order;
      if (order === undefined || offset < 0) return [];
      return order.slice(place(order, low, false), place(order, high, true), offset, limit(count));
    },

    zrevrangebylex(key, max, min, offset = 0, count = -1) {
      const [low, high] = [parseBound(min), parseBound(max)];
      const order = keyspace.find(key, "zset")?.value.order;
      if (order === undefined || offset < 0) return [];
      return order.sliceReversed(place(order, low, false), place(order, high, true), offset, limit(count));
    },

    zrangebyscore(key, min, max, offset = 0, count = -1) {
      checkScores(min, max);
      const order = keyspace.find(key, "zset")?.value.order;
      if (order === undefined || offset < 0) return [];
      return order.slice(order.scoreBound(min, true), order.scoreBound(max, false), offset, limit(count));
    },

    zremrangebyscore(key, min, max) {
      checkScores(min, max);
      const slot = keyspace.find(key, "zset");
      if (slot === undefined) return 0;
      const { order } = slot.value;
      const doomed = order.slice(order.scoreBound(min, true), order.scoreBound(max, false), 0, Infinity);
      for (const member of doomed) remove(slot, member);
      return doomed.length;
    },
  };

  function remove(slot: Slot<"zset">, member: string): boolean {
    if (!slot.value.delete(member)) return false;
    if (slot.value.size === 0) keyspace.remove(slot);
    else keyspace.resize(slot, -MEMBER_BYTES - member.length);
    return true;
  }
}

type Bound = "-" | "+" | { readonly member: string; readonly inclusive: boolean };

function parseBound(text: string): Bound {
  if (text === "-" || text === "+") return text;
  if (text.startsWith("[")) return { member: text.slice(1), inclusive: true };
  if (text.startsWith("(")) return { member: text.slice(1), inclusive: false };
  throw new ReplyError("ERR min or max not valid string range item");
}

function place(order: SortedOrder, bound: Bound, isMax: boolean): Place {
  if (bound === "-") return order.start();
  if (bound === "+") return order.end();
  // A range begins at an inclusive minimum, and ends before what follows an inclusive maximum.
  return order.lexBound(bound.member, bound.inclusive !== isMax);
}

function limit(count: number): number {
  return count < 0 ? Infinity : count;
}

function checkScores(min: number, max: number): void {
  if (Number.isNaN(min) || Number.isNaN(max)) throw new ReplyError("ERR min or max is not a float");
}

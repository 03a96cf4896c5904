import type { MemoryDatabase } from "../../memory-database.ts";
import type { Keyspace } from "./keyspace.ts";
import { MemberSet } from "./member-set.ts";

type SetCommands = Pick<MemoryDatabase, "sadd" | "srem" | "sismember" | "scard" | "smembers" | "srandmember">;

/** An empty set: its map and its array. */
const SET_BYTES = 350;
const MEMBER_BYTES = 85;

export function setCommands(keyspace: Keyspace, random: () => number): SetCommands {
  return {
    sadd(key, member) {
      const slot = keyspace.find(key, "set") ?? keyspace.create(key, "set", new MemberSet(), SET_BYTES);
      if (!slot.value.add(member)) return false;
      keyspace.resize(slot, MEMBER_BYTES + member.length);
      return true;
    },

    srem(key, member) {
      const slot = keyspace.find(key, "set");
      if (slot === undefined || !slot.value.delete(member)) return false;
      if (slot.value.size === 0) keyspace.remove(slot);
      else keyspace.resize(slot, -MEMBER_BYTES - member.length);
      return true;
    },

    sismember: (key, member) => keyspace.find(key, "set")?.value.has(member) ?? false,
    scard: (key) => keyspace.find(key, "set")?.value.size ?? 0,
    smembers: (key) => keyspace.find(key, "set")?.value.all() ?? [],
    srandmember: (key, count) => keyspace.find(key, "set")?.value.sample(count, random) ?? [],
  };
}

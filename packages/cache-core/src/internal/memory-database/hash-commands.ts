import type { MemoryDatabase } from "../../memory-database.ts";
import { BUFFER_BYTES, type Keyspace } from "./keyspace.ts";

type HashCommands = Pick<MemoryDatabase, "hget" | "hset" | "hdel" | "hlen" | "hgetall">;

const HASH_BYTES = 150;
const FIELD_BYTES = 50 + BUFFER_BYTES;

export function hashCommands(keyspace: Keyspace): HashCommands {
  return {
    hget: (key, field) => keyspace.find(key, "hash")?.value.get(field) ?? null,

    hset(key, field, value) {
      const slot = keyspace.find(key, "hash") ?? keyspace.create(key, "hash", new Map(), HASH_BYTES);
      const current = slot.value.get(field);
      slot.value.set(field, value);
      const added = current === undefined ? FIELD_BYTES + field.length : -current.length;
      keyspace.resize(slot, added + value.length);
      return current === undefined;
    },

    hdel(key, field) {
      const slot = keyspace.find(key, "hash");
      const current = slot?.value.get(field);
      if (slot === undefined || current === undefined) return false;
      slot.value.delete(field);
      if (slot.value.size === 0) keyspace.remove(slot);
      else keyspace.resize(slot, -FIELD_BYTES - field.length - current.length);
      return true;
    },

    hlen: (key) => keyspace.find(key, "hash")?.value.size ?? 0,

    hgetall: (key) => new Map(keyspace.find(key, "hash")?.value),
  };
}

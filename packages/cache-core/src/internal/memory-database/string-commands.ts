import type { MemoryDatabase } from "../../memory-database.ts";
import { BUFFER_BYTES, type Keyspace } from "./keyspace.ts";
import { notAnInteger, ReplyError } from "./reply-error.ts";

type StringCommands = Pick<MemoryDatabase, "get" | "set" | "append" | "getrange" | "setrange" | "incrby">;

/** Redis' `proto-max-bulk-len`. */
const MAX_STRING_BYTES = 512 * 1024 * 1024;

/**
 * Stored buffers are never written to: `get` hands out the stored one, and a command that changes a string stores
 * another buffer.
 */
export function stringCommands(keyspace: Keyspace): StringCommands {
  const store = (key: string, value: Buffer): void => {
    const slot = keyspace.any(key);
    if (slot === undefined) {
      keyspace.create(key, "string", value, BUFFER_BYTES + value.length);
      return;
    }
    keyspace.resize(slot, value.length - (slot.value as Buffer).length);
    slot.value = value;
  };

  return {
    get: (key) => keyspace.find(key, "string")?.value ?? null,

    set(key, value, expireAtMs = Infinity) {
      if (expireAtMs !== Infinity && !Number.isSafeInteger(expireAtMs)) throw notAnInteger();
      if (expireAtMs <= 0) throw new ReplyError("ERR invalid expire time in 'set' command");
      keyspace.overwrite(key, value, expireAtMs);
    },

    append(key, value) {
      const slot = keyspace.find(key, "string");
      const next = slot === undefined ? Buffer.from(value) : Buffer.concat([slot.value, value]);
      checkLength(next.length);
      store(key, next);
      return next.length;
    },

    getrange(key, start, end) {
      const value = keyspace.find(key, "string")?.value;
      if (value === undefined || (start < 0 && end < 0 && start > end)) return Buffer.alloc(0);
      const from = start < 0 ? Math.max(0, value.length + start) : start;
      const to = end < 0 ? Math.max(0, value.length + end) : end;
      return value.subarray(from, to + 1);
    },

    setrange(key, offset, value) {
      if (offset < 0) throw new ReplyError("ERR offset is out of range");
      const current = keyspace.find(key, "string")?.value;
      const length = current?.length ?? 0;
      if (value.length === 0) return length;
      checkLength(offset + value.length);
      const next = Buffer.alloc(Math.max(length, offset + value.length));
      current?.copy(next);
      value.copy(next, offset);
      store(key, next);
      return next.length;
    },

    incrby(key, by) {
      const value = keyspace.find(key, "string")?.value;
      const next = add(value === undefined ? "0" : value.toString("latin1"), by);
      store(key, Buffer.from(next));
      return Number(next);
    },
  };
}

function checkLength(length: number): void {
  if (length > MAX_STRING_BYTES) {
    throw new ReplyError("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
  }
}

/** Adds as Redis does: decimal text of signed 64-bit integers. */
function add(text: string, by: number): string {
  if (!Number.isSafeInteger(by) || !/^(?:0|-?[1-9]\d{0,18})$/.test(text)) throw notAnInteger();
  const sum = Number(text) + by;
  // Exact as long as both the operand and the sum are: anything else is left to BigInt.
  if (Number.isSafeInteger(Number(text)) && Number.isSafeInteger(sum)) return String(sum);
  const operand = BigInt(text);
  if (BigInt.asIntN(64, operand) !== operand) throw notAnInteger();
  const exact = operand + BigInt(by);
  if (BigInt.asIntN(64, exact) !== exact) throw new ReplyError("ERR increment or decrement would overflow");
  return exact.toString();
}

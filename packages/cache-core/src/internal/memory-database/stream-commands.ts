import type { MemoryDatabase } from "../../memory-database.ts";
import type { Keyspace } from "./keyspace.ts";
import { ReplyError } from "./reply-error.ts";
import { parseStreamId, StreamLog } from "./stream-log.ts";

type StreamCommands = Pick<MemoryDatabase, "xadd" | "xrange" | "xrevrange" | "xlen" | "xtrim">;

const STREAM_BYTES = 280;

/** Streams. A stream trimmed to nothing stays a key, as in Redis, so that its ids go on growing. */
export function streamCommands(keyspace: Keyspace, onAppend: (key: string) => void): StreamCommands {
  return {
    xadd(key, maxLength, fields) {
      if (fields.length === 0) throw new ReplyError("ERR wrong number of arguments for 'xadd' command");
      if (maxLength < 0) throw new ReplyError("ERR The MAXLEN argument must be >= 0.");
      const slot =
        keyspace.find(key, "stream") ?? keyspace.create(key, "stream", new StreamLog(), STREAM_BYTES);
      const before = slot.value.bytes;
      const id = slot.value.append(Math.floor(keyspace.nowMs()), maxLength, new Map(fields));
      keyspace.resize(slot, slot.value.bytes - before);
      onAppend(key);
      return id;
    },

    xrange(key, start, end, count = Infinity) {
      const [low, high] = [parseStreamId(start, 0), parseStreamId(end, Infinity)];
      return keyspace.find(key, "stream")?.value.range(low, high, Math.max(0, count)) ?? [];
    },

    xrevrange(key, end, start, count = Infinity) {
      const [low, high] = [parseStreamId(start, 0), parseStreamId(end, Infinity)];
      return keyspace.find(key, "stream")?.value.rangeReversed(low, high, Math.max(0, count)) ?? [];
    },

    xtrim(key, minMs) {
      const slot = keyspace.find(key, "stream");
      if (slot === undefined) return 0;
      const [length, before] = [slot.value.length, slot.value.bytes];
      slot.value.trimBefore(minMs);
      keyspace.resize(slot, slot.value.bytes - before);
      return length - slot.value.length;
    },

    xlen: (key) => keyspace.find(key, "stream")?.value.length ?? 0,
  };
}

import { writeAll } from "../measure.ts";
import { createKey, createRecord, createTags } from "../records.ts";
import { type CaseSummary, OURS, type Row, type Scenario } from "../scenario.ts";
import { findRow, median } from "../statistics.ts";

const ENTRIES = 10_000;
const LIMIT = "SET PX";
const PROMISED_BYTES: Record<string, number> = { "no tags": 160, "3 tags": 350 };

const row = (label: string, contender = label): Row => ({ label, contender });
const ours: Row[] = [
  { label: OURS, contender: OURS, call: "getOrSet" },
  { label: `${OURS} set`, contender: OURS },
];

export const memory: Scenario = {
  name: "memory",
  title: "Bytes in Redis",
  about:
    "Growth of `used_memory` over 10,000 entries of JSON of 733 to 1,275 bytes (990 in the mean), after the contender has disconnected, without the texts of scripts (`used_memory_scripts`), which a server holds once; 100 entries share each tag. Overhead is what an entry takes beyond the same JSON under the same key by a bare `SET PX`. This repository's entries are fills (`getOrSet`); *set* adds the history of invalidations, which keeps the latest 10,000 writes and no more.",
  columns: [
    { key: "bytes", title: "bytes an entry", ratio: true },
    { key: "keys", title: "keys an entry" },
  ],
  maxRounds: 1,
  memory: false,
  cases: ({ quick }) => [
    {
      name: "no tags",
      tags: false,
      limit: LIMIT,
      rows: [
        row(LIMIT, "raw ioredis 6 autopipelined"),
        ...ours,
        ...["async-cache-dedupe", "bentocache", "cache-manager", "cacheable", "cachified"]
          .filter(() => !quick)
          .map((name) => row(name)),
      ],
    },
    {
      name: "3 tags",
      tags: true,
      limit: LIMIT,
      rows: [
        row(LIMIT, "raw ioredis 6 autopipelined"),
        ...ours,
        ...["raw tag sets", "async-cache-dedupe", "bentocache", "cacheable"]
          .filter(() => !quick)
          .map((name) => row(name)),
      ],
    },
  ],
  prepare: async ({ cache, row, case: { tags }, server }) => {
    const write = (id: number) => {
      const entryTags = tags ? createTags(id, ENTRIES) : undefined;
      if (row.call !== "getOrSet") return cache.set(createKey(id), createRecord(id), entryTags);
      return cache.getOrSet!(createKey(id), async () => createRecord(id), entryTags);
    };
    return async () => {
      await writeAll(ENTRIES, write);
      // A contender may give up on a write when the server is slow.
      if (row.call === "getOrSet") for (let id = 0; id < ENTRIES; id++) await write(id);
      return { keys: (await server.keys()) / ENTRIES };
    };
  },
  merge: ([part], { bytes }) => ({ bytes: Math.round(bytes / ENTRIES), keys: part!.keys! }),
  criteria: (summaries) =>
    summaries.flatMap((summary) => {
      const overhead = overheadOf(summary);
      const promised = PROMISED_BYTES[summary.name]!;
      if (overhead === undefined) return [];
      return {
        promise: `${summary.name}: at most ${promised} bytes an entry over a bare SET PX`,
        measured: `${overhead}`,
        kept: overhead <= promised,
      };
    }),
};

function overheadOf(summary: CaseSummary): number | undefined {
  const ours = findRow(summary, OURS);
  const limit = findRow(summary, LIMIT);
  return ours && limit && median(ours.figures.bytes!) - median(limit.figures.bytes!);
}

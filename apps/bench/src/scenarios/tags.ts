import { writeAll } from "../measure.ts";
import { createKey, createRecord, createTags } from "../records.ts";
import { type CaseSummary, type Criterion, OURS, type Row, type Scenario } from "../scenario.ts";
import { findRow, median } from "../statistics.ts";

const TIMES = 15;
const WARM_UPS = 8;
const row = (label: string): Row => ({ label, contender: label });
const byTag = ["raw tag sets", OURS, "async-cache-dedupe", "bentocache", "cacheable"].map(row);
const byPattern = ["raw SCAN", OURS].map(row);

export const tags: Scenario = {
  name: "tags",
  title: "Invalidating 100 of N entries",
  about:
    "N entries of three tags each are loaded; then, one after the other, 15 tags (or patterns) that cover 100 entries each are invalidated, by a process that has the Redis tier only. The figure is the median of the 15. *read* counts the commands that one read of a tagged entry costs afterwards: some libraries invalidate cheaply by making every read dearer.",
  columns: [
    { key: "ms", title: "ms an invalidation", ratio: true },
    { key: "sent", title: "commands sent" },
    { key: "left", title: "entries left of 100" },
    { key: "read", title: "commands a read" },
  ],
  maxRounds: 3,
  memory: false,
  cases: ({ quick, full }) =>
    (full ? [10_000, 100_000, 1_000_000] : [10_000, 100_000]).flatMap((entries) => [
      {
        name: `by tag, N = ${entries.toLocaleString("en")}`,
        entries,
        tags: true,
        limit: "raw tag sets",
        rows: quick ? byTag.slice(0, 2) : byTag,
      },
      {
        name: `by pattern, N = ${entries.toLocaleString("en")}`,
        entries,
        tags: true,
        limit: "raw SCAN",
        rows: quick ? byPattern.slice(1) : byPattern,
      },
    ]),
  prepare: async ({ cache, server, case: { name, entries = 0 } }) => {
    const pool = Array.from({ length: 1000 }, (_, id) => createRecord(id));
    await writeAll(entries, (id) => cache.set(createKey(id), pool[id % 1000]!, createTags(id, entries)));
    // Spread over the data set, first and last teams left out.
    const step = Math.floor(entries / 100 / (TIMES + WARM_UPS + 2));
    const teams = Array.from({ length: TIMES + WARM_UPS + 1 }, (_, i) => (i + 1) * step);
    const invalidate = (team: number) =>
      name.startsWith("by tag")
        ? cache.invalidateByTag!(`team:${team}`)
        : cache.invalidatePattern!(`deals:${team}:*`);
    const team = teams.pop()!;
    for (let i = 0; i < WARM_UPS; i++) await invalidate(teams.pop()!);
    return async () => {
      const durations: number[] = [];
      for (let i = 0; i < TIMES; i++) {
        const start = performance.now();
        await invalidate(teams.pop()!);
        durations.push(performance.now() - start);
      }
      const traced = await server.trace(() => invalidate(team));
      let left = 0;
      for (let i = 0; i < 100; i++) {
        const value = await Promise.resolve(cache.get!(createKey(team * 100 + i))).catch(() => undefined);
        if (value !== undefined && value !== null) left++;
      }
      const read = await server.trace(async () => {
        for (let i = 0; i < 20; i++) await cache.get!(createKey(i));
      });
      return { ms: median(durations), sent: traced.sent.length, left, read: read.sent.length / 20 };
    };
  },
  criteria: (summaries) => ["by tag", "by pattern"].flatMap((kind) => judge(kind, summaries)),
};

function judge(kind: string, summaries: readonly CaseSummary[]): Criterion[] {
  const own = summaries.filter(({ name }) => name.startsWith(kind)).map((summary) => findRow(summary, OURS));
  const medians = own.filter((row) => row !== undefined).map((row) => median(row.figures.ms!));
  if (medians.length === 0) return [];
  const slowest = Math.max(...medians);
  const factor = slowest / Math.min(...medians);
  return [
    {
      promise: `${kind}: at most 1 ms, whatever N is`,
      measured: `${slowest.toFixed(2)} ms`,
      kept: slowest <= 1,
    },
    {
      promise: `${kind}: within a factor of 1.5 for all N`,
      measured: factor.toFixed(2),
      kept: factor <= 1.5,
    },
  ];
}

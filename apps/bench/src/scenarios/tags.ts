import type { Entry } from "../contender.ts";
import { writeAll } from "../measure.ts";
import { createKey, createRecord, createTags } from "../records.ts";
import {
  type Case,
  type CaseSummary,
  type Criterion,
  OURS,
  type Row,
  type Run,
  type Scenario,
} from "../scenario.ts";
import { findRow, median } from "../statistics.ts";

const TIMES = 15;
const WARM_UPS = 8;
const BATCH = 200;
const CONTENDERS = ["raw tag sets", "raw SCAN", OURS, "async-cache-dedupe", "bentocache", "cacheable"];

export const tags: Scenario = {
  name: "tags",
  title: "Invalidating 100 of N entries",
  about:
    "N entries of three tags each are loaded; then, one after the other, 15 tags and 15 patterns that cover 100 entries each are invalidated, by a process that has the Redis tier only. The figures are medians of the 15. *read* counts the commands that one read of a tagged entry costs afterwards: some libraries invalidate cheaply by making every read dearer.",
  columns: [
    { key: "tagMs", title: "by tag, ms" },
    { key: "tagSent", title: "commands" },
    { key: "patternMs", title: "by pattern, ms" },
    { key: "patternSent", title: "commands" },
    { key: "left", title: "entries left" },
    { key: "read", title: "commands a read" },
  ],
  maxRounds: 2,
  memory: false,
  cases: ({ quick, full }): Case[] =>
    (full ? [10_000, 100_000, 1_000_000] : [10_000, 100_000]).map((entries) => ({
      name: `N = ${entries.toLocaleString("en")}`,
      entries,
      tags: true,
      limit: "",
      rows: (quick ? [OURS] : CONTENDERS).map((label): Row => ({ label, contender: label })),
    })),
  prepare: async (run) => {
    const { cache, case: ofCase } = run;
    const entries = ofCase.entries!;
    await load(run, entries);
    // A third of the data set is left alone.
    const step = Math.floor(entries / 100 / (3 * (TIMES + WARM_UPS + 1)));
    const teams = (third: number) =>
      Array.from({ length: TIMES + WARM_UPS + 1 }, (_, i) => 1 + (third * (TIMES + WARM_UPS + 1) + i) * step);
    const calls = {
      tag: cache.invalidateByTag && ((team: number) => cache.invalidateByTag!(`team:${team}`)),
      pattern: cache.invalidatePattern && ((team: number) => cache.invalidatePattern!(`deals:${team}:*`)),
    };
    return async () => {
      const byTag = calls.tag && (await time(run, calls.tag, teams(0)));
      const byPattern = calls.pattern && (await time(run, calls.pattern, teams(1)));
      const read = await run.server.trace(async () => {
        for (let i = 0; i < 20; i++) await cache.get!(createKey(i));
      });
      return {
        ...(byTag && { tagMs: byTag.ms, tagSent: byTag.sent }),
        ...(byPattern && { patternMs: byPattern.ms, patternSent: byPattern.sent }),
        left: (byTag?.left ?? 0) + (byPattern?.left ?? 0),
        read: read.sent.length / 20,
      };
    };
  },
  criteria: (summaries) => [
    ...judge("tagMs", "by tag", summaries),
    ...judge("patternMs", "by pattern", summaries),
  ],
};

async function load({ cache }: Run, entries: number): Promise<void> {
  const pool = Array.from({ length: 1000 }, (_, id) => createRecord(id));
  const entry = (id: number): Entry => ({
    key: createKey(id),
    value: pool[id % 1000]!,
    tags: createTags(id, entries),
  });
  if (cache.setMany === undefined) {
    await writeAll(entries, (id) => cache.set(createKey(id), pool[id % 1000]!, createTags(id, entries)));
    return;
  }
  for (let id = 0; id < entries; id += BATCH) {
    const batch = Array.from({ length: BATCH }, (_, i) => entry(id + i));
    await writeAll(1, () => cache.setMany!(batch));
  }
}

async function time(
  { cache, server }: Run,
  invalidate: (team: number) => Promise<unknown>,
  teams: readonly number[],
): Promise<{ ms: number; sent: number; left: number }> {
  const durations: number[] = [];
  for (const team of teams.slice(1)) {
    const start = performance.now();
    await invalidate(team);
    durations.push(performance.now() - start);
  }
  const [team] = teams as [number];
  const { sent } = await server.trace(() => invalidate(team));
  let left = 0;
  for (let i = 0; i < 100; i++) {
    // Where the library only reads through, a miss is a rejection.
    const value = await Promise.resolve(cache.get!(createKey(team * 100 + i))).catch(() => undefined);
    if (value !== undefined && value !== null) left++;
  }
  return { ms: median(durations.slice(WARM_UPS)), sent: sent.length, left };
}

function judge(column: string, kind: string, summaries: readonly CaseSummary[]): Criterion[] {
  const medians = summaries
    .map((summary) => findRow(summary, OURS)?.figures[column])
    .filter((figures) => figures !== undefined)
    .map(median);
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

import { setTimeout as sleep } from "node:timers/promises";
import { createRecord } from "../records.ts";
import { OURS, type Row, type Scenario } from "../scenario.ts";
import { findRow } from "../statistics.ts";

const CALLERS = 250;
const ORIGIN_MS = 20;
const row = (label: string): Row => ({ label, contender: label });

export const stampede: Scenario = {
  name: "stampede",
  title: "A thousand callers of one missing key",
  about:
    "Four processes, already connected, each call `getOrSet` 250 times at once for one key that is not there; the origin takes 20 ms. Total time runs from the common start to the last answer. Command counts include what scripts execute.",
  columns: [
    { key: "calls", title: "origin calls" },
    { key: "ms", title: "total ms", ratio: true },
    { key: "commands", title: "commands" },
  ],
  processes: 4,
  maxRounds: 5,
  memory: false,
  cases: ({ quick }) => [
    {
      name: "4 × 250",
      tags: false,
      limit: "raw lock",
      rows: (quick
        ? ["raw lock", OURS]
        : ["raw lock", OURS, "async-cache-dedupe", "bentocache", "cache-manager", "cacheable", "cachified"]
      ).map(row),
    },
  ],
  prepare: async ({ cache }) => {
    const record = createRecord(1);
    const rush = async (key: string) => {
      let calls = 0;
      const fetcher = async () => {
        calls++;
        await sleep(ORIGIN_MS);
        return record;
      };
      const begin = performance.timeOrigin + performance.now();
      await Promise.all(Array.from({ length: CALLERS }, () => cache.getOrSet!(key, fetcher)));
      return { calls, begin, end: performance.timeOrigin + performance.now() };
    };
    for (let i = 0; i < 3; i++) await rush(`warm-up:${process.pid}:${i}`);
    return () => rush("deals:1");
  },
  merge: (parts, { commands }) => ({
    calls: parts.reduce((sum, part) => sum + part.calls!, 0),
    ms: Math.max(...parts.map((part) => part.end!)) - Math.min(...parts.map((part) => part.begin!)),
    commands,
  }),
  criteria: ([summary]) => {
    const ours = summary && findRow(summary, OURS);
    if (ours === undefined) return [];
    const calls = Math.max(...ours.figures.calls!);
    return [
      {
        promise: "one origin call for 1,000 callers in 4 processes",
        measured: `${calls}`,
        kept: calls === 1,
      },
    ];
  },
};

import type { OpenCache } from "../contender.ts";
import { measureLoad, warmUp } from "../measure.ts";
import { createRecord } from "../records.ts";
import { type Case, OURS, type Row, type Scenario } from "../scenario.ts";
import { findRow, ratioTo } from "../statistics.ts";

const IN_FLIGHT = 64;
const LIMIT = "SET PX autopipelined";
const POOL = Array.from({ length: 256 }, (_, id) => createRecord(id));

const limit: Row = { label: LIMIT, contender: "raw ioredis 6 autopipelined" };
const ours: Row = { label: OURS, contender: OURS };
const untagged: Row[] = ["async-cache-dedupe", "bentocache", "cache-manager", "cacheable", "cachified"].map(
  (name) => ({ label: name, contender: name }),
);

export const fill: Scenario = {
  name: "fill",
  title: "A miss, filled",
  about:
    "64 calls under way, each for a key never seen before, in-process tier off. *fill* is a `getOrSet` whose fetcher returns a ready record of about 1 KB at once; *set* is an unconditional write. The limit is a bare auto-pipelined `SET PX` of the same record, although it reads nothing and protects nothing.",
  columns: [
    { key: "ops", title: "entries/s", ratio: true },
    { key: "cpu", title: "CPU µs", ratio: true },
    { key: "p50", title: "p50 µs" },
    { key: "p99", title: "p99 µs" },
    { key: "sent", title: "commands sent an entry" },
  ],
  memory: false,
  cases: ({ quick }): Case[] => {
    const peers = quick ? [] : untagged;
    const tagging = peers.filter(({ label }) => label === "async-cache-dedupe" || label === "bentocache");
    const cases = [
      { name: "fill", tags: false, limit: LIMIT, rows: [limit, ours, ...peers] },
      { name: "fill, 3 tags", tags: true, limit: LIMIT, rows: [limit, ours, ...tagging] },
      { name: "set", tags: false, limit: LIMIT, rows: [limit, ours, ...peers] },
    ];
    return quick ? cases.slice(0, 1) : cases;
  },
  prepare: async ({ cache, row, case: { name, tags }, server, settings }) => {
    let id = 0;
    const fetcher = async () => POOL[id & 255]!;
    const write = name === "set" || row.label === LIMIT;
    const call = () => step(cache, ++id, write, tags, fetcher);
    await warmUp(call, IN_FLIGHT, settings.warmMs);
    return async () => {
      const load = await measureLoad(call, IN_FLIGHT, settings.measureMs);
      const { sent } = await server.trace(async () => {
        for (let i = 0; i < 50; i++) await call();
      });
      return {
        ops: load.opsPerSecond,
        cpu: load.cpuUs,
        p50: load.p50Us,
        p99: load.p99Us,
        sent: Math.round(sent.length / 5) / 10,
      };
    };
  },
  criteria: (summaries) =>
    summaries.flatMap((summary) => {
      const row = findRow(summary, OURS);
      const limit = findRow(summary, LIMIT);
      if (summary.name !== "fill" || row === undefined || limit === undefined) return [];
      const ratio = ratioTo(row, limit, "ops");
      return {
        promise: `${summary.name}: at least 0.4 of ${LIMIT}`,
        measured: ratio.toFixed(2),
        kept: ratio >= 0.4,
      };
    }),
};

function step(
  cache: OpenCache,
  id: number,
  write: boolean,
  tagged: boolean,
  fetcher: (key: string) => Promise<unknown>,
): Promise<unknown> {
  const group = Math.floor(id / 100);
  const key = `deals:${group}:${id}`;
  if (write) return cache.set(key, POOL[id & 255]!);
  if (!tagged) return cache.getOrSet!(key, fetcher);
  return cache.getOrSet!(key, fetcher, [
    `team:${group}`,
    `owners:${id % 100}`,
    `profiles:${(id * 7) % 1000}`,
  ]);
}

import { measureLoad, warmUp } from "../measure.ts";
import { createKey, createRandom, createRecord } from "../records.ts";
import { OURS, type Row, type Scenario } from "../scenario.ts";
import { findRow, ratioTo } from "../statistics.ts";

const KEYS = 1_000;
const DRAWS = 65_536;
const LIMIT = "raw ioredis 6 autopipelined";

const ours: Row[] = [
  { label: `${OURS} get`, contender: OURS, call: "get" },
  { label: `${OURS} getOrSet`, contender: OURS, call: "getOrSet" },
];
const raw: Row[] = ["raw ioredis 5", "raw ioredis 5 autopipelined", "raw ioredis 6", LIMIT].map((name) => ({
  label: name,
  contender: name,
  call: "get",
}));
const peers: Row[] = [
  { label: "async-cache-dedupe", contender: "async-cache-dedupe", call: "getOrSet" },
  { label: "bentocache", contender: "bentocache", call: "getOrSet" },
  { label: "cache-manager", contender: "cache-manager", call: "getOrSet" },
  { label: "cacheable", contender: "cacheable", call: "getOrSet" },
  { label: "cachified", contender: "cachified", call: "getOrSet" },
];

export const l2Hit: Scenario = {
  name: "l2-hit",
  title: "A hit in Redis",
  about:
    "Reads of 1,000 CRM records of about 1 KB of JSON, uniformly drawn, in-process tier off, with one read or 64 reads under way. *misses* are reads that gave up, for instance at a deadline. The limit is a bare `GET` and `JSON.parse` on the auto-pipelined client that this repository uses.",
  columns: [
    { key: "ops", title: "reads/s", ratio: true },
    { key: "cpu", title: "CPU µs", ratio: true },
    { key: "p50", title: "p50 µs" },
    { key: "p99", title: "p99 µs" },
    { key: "commands", title: "commands a read" },
    { key: "misses", title: "misses" },
  ],
  memory: false,
  cases: ({ quick }) =>
    (quick ? [64] : [1, 64]).map((inFlight) => ({
      name: `${inFlight} in flight`,
      tags: false,
      limit: LIMIT,
      rows: quick ? [raw[3]!, ...ours] : [...raw, ...ours, ...peers],
    })),
  prepare: async ({ cache, row, case: { name }, server, settings }) => {
    const keys = Array.from({ length: KEYS }, (_, id) => createKey(id));
    for (const [id, key] of keys.entries()) await cache.set(key, createRecord(id));
    const random = createRandom(2);
    const order = Array.from({ length: DRAWS }, () => keys[Math.floor(random() * KEYS)]!);
    const key = (i: number) => order[i & (DRAWS - 1)]!;
    let misses = 0;
    const fetcher = async () => {
      misses++;
      return createRecord(0);
    };
    const call =
      row.call === "getOrSet"
        ? (i: number) => cache.getOrSet!(key(i), fetcher)
        : async (i: number) => {
            const value = await cache.get!(key(i));
            if (value === null || value === undefined) misses++;
          };
    for (let i = 0; i < KEYS; i++) {
      const value = (await cache.get!(key(i))) as { id?: unknown } | null | undefined;
      if (typeof value?.id !== "number") throw new Error(`${row.label} has lost ${key(i)}`);
    }
    const inFlight = Number.parseInt(name, 10);
    await warmUp(call, inFlight, settings.warmMs);
    return async () => {
      misses = 0;
      const before = await server.commands();
      const load = await measureLoad(call, inFlight, settings.measureMs);
      const executed = (await server.commands()) - before;
      return {
        ops: load.opsPerSecond,
        cpu: load.cpuUs,
        p50: load.p50Us,
        p99: load.p99Us,
        commands: Math.round((executed / load.ops) * 100) / 100,
        misses,
      };
    };
  },
  criteria: (summaries) =>
    summaries.flatMap((summary) =>
      ours.flatMap(({ label }) => {
        const row = findRow(summary, label);
        const limit = findRow(summary, summary.limit);
        if (row === undefined || limit === undefined) return [];
        const ratio = ratioTo(row, limit, "ops");
        return {
          promise: `${label}, ${summary.name}: at least 0.9 of ${limit.label}`,
          measured: ratio.toFixed(2),
          kept: ratio >= 0.9,
        };
      }),
    ),
};

import { measureSequential, measureSynchronous } from "../measure.ts";
import { createKey, createRecord, createTags, createZipf } from "../records.ts";
import { type CaseSummary, type Criterion, OURS, type Row, type Scenario } from "../scenario.ts";
import { findRow, median, ratioTo } from "../statistics.ts";

const KEYS = 1_000;
const DRAWS = 65_536;
const LIMIT = "lru-cache awaited";
const TAGGED = "1,000 keys, 3 tags";

const ours: Row[] = [
  { label: `${OURS} get`, contender: OURS, call: "get" },
  { label: `${OURS} getOrSet`, contender: OURS, call: "getOrSet" },
];
const limits: Row[] = [
  { label: "lru-cache sync", contender: "lru-cache" },
  { label: LIMIT, contender: "lru-cache awaited" },
];
const tagged: Row[] = [
  { label: "async-cache-dedupe", contender: "async-cache-dedupe", call: "getOrSet" },
  { label: "bentocache", contender: "bentocache" },
  { label: "bentocache unserialized", contender: "bentocache unserialized" },
  { label: "cacheable", contender: "cacheable" },
];
const untagged: Row[] = [
  ...tagged,
  { label: "cacheable uncloned", contender: "cacheable uncloned" },
  { label: "cachified", contender: "cachified", call: "getOrSet" },
];
export const l1Hit: Scenario = {
  name: "l1-hit",
  title: "A hit in the process",
  about:
    "Every read is awaited before the next one begins and is answered by the in-process tier. One key, or 1,000 keys drawn by Zipf's law; values are CRM records of about 1 KB, without tags or with three. Redis is behind the tier where the library has two, and the commands that it executed during the measurement are counted.",
  columns: [
    { key: "ops", title: "reads/s", ratio: true },
    { key: "us", title: "µs a read" },
    { key: "cpu", title: "CPU µs" },
    { key: "commands", title: "commands a read" },
  ],
  memory: true,
  cases: ({ quick }) =>
    quick
      ? [{ name: TAGGED, tags: true, limit: LIMIT, rows: [limits[1]!, ...ours, tagged[0]!] }]
      : [
          { name: "one key", tags: false, limit: LIMIT, rows: [...limits, ...ours, ...untagged] },
          { name: "1,000 keys", tags: false, limit: LIMIT, rows: [...limits, ...ours, ...untagged] },
          { name: TAGGED, tags: true, limit: LIMIT, rows: [limits[1]!, ...ours, ...tagged] },
        ],
  prepare: async ({ cache, row, case: { name, tags }, server, settings }) => {
    const count = name === "one key" ? 1 : KEYS;
    const keys = Array.from({ length: count }, (_, id) => createKey(id));
    for (const [id, key] of keys.entries()) {
      await cache.set(key, createRecord(id), tags ? createTags(id, KEYS) : undefined);
    }
    const draws = count === 1 ? new Uint16Array(DRAWS) : createZipf(count, DRAWS, 1);
    const order = Array.from(draws, (draw) => keys[draw]!);
    const key = (i: number) => order[i & (DRAWS - 1)]!;

    let misses = 0;
    const fetcher = async () => {
      misses++;
      return createRecord(0);
    };
    const call =
      row.call === "getOrSet"
        ? (i: number) => cache.getOrSet!(key(i), fetcher)
        : (i: number) => cache.get!(key(i));
    // Twice: the first read may be answered by Redis, and then fills the tier.
    for (let i = 0; i < 2 * count; i++) {
      const value = await cache.get!(keys[i % count]!);
      if (value === undefined || value === null) throw new Error(`${row.label} has lost ${keys[i % count]}`);
    }

    const measure = row.label === "lru-cache sync" ? measureSynchronous : measureSequential;
    await measure(call, settings.warmMs);
    return async () => {
      misses = 0;
      const before = await server.commands();
      const { ops, opsPerSecond, cpuUs } = await measure(call, settings.measureMs);
      if (misses > 0) throw new Error(`${misses} misses`);
      const commands = ((await server.commands()) - before) / ops;
      // Less than one command in 1,000 reads is a heartbeat.
      return {
        ops: opsPerSecond,
        us: 1e6 / opsPerSecond,
        cpu: cpuUs,
        commands: commands < 0.001 ? 0 : commands,
      };
    };
  },
  criteria: (summaries) => summaries.flatMap(judge),
};

function judge(summary: CaseSummary): Criterion[] {
  return ours.flatMap(({ label }) => {
    const row = findRow(summary, label);
    const peers = summary.rows.filter((peer) => !/^(lru-cache|crm-cache)/.test(peer.label));
    if (row === undefined || peers.length === 0) return [];
    const fastest = peers.reduce((a, b) => (median(a.figures.ops!) > median(b.figures.ops!) ? a : b));
    const overPeer = ratioTo(row, fastest, "ops");
    const overLru = ratioTo(row, findRow(summary, summary.limit)!, "ops");
    const commands = Math.max(...row.figures.commands!);
    const where = `${label}, ${summary.name}`;
    return [
      {
        promise: `${where}: at least 2 times the fastest peer (${fastest.label})`,
        measured: overPeer.toFixed(2),
        kept: overPeer >= 2,
      },
      {
        promise: `${where}: at least half of an awaited lru-cache get`,
        measured: overLru.toFixed(2),
        kept: overLru >= 0.5,
      },
      { promise: `${where}: no Redis commands`, measured: `${commands}`, kept: commands === 0 },
    ];
  });
}

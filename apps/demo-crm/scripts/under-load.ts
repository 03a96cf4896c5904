// Three instances over Redis and PostgreSQL under load, with Redis killed and restarted twice: once with the cache, once with the
// aggregates asked for past it. The rest is the same: instances, generator, rate, connections, reads and writes of rows, faults.
//
//   node --conditions=@crm/source scripts/under-load.ts [--seconds 60] [--clients 8] [--rate 60] [--away 3] [--history 9] [--arms with,without]
//
// Starts a Redis and a PostgreSQL of its own (TEST_POSTGRES_URL names another one). Exits with 1 when anything was stale or failed.
// `away`: seconds until a Redis that was killed comes back. What was under way at a kill, or asked until a second after the return, is told apart:
// then nobody has a cache. `history`: periods of earlier business beside the data, as a CRM of some years has them (src/db/add-history.ts); without
// the option there are none. Choose a rate that the arm without the cache can hold: what waits in a queue says nothing of either.

import { availableParallelism, cpus } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { startPostgres, startRedis } from "@crm/testkit";
import { addHistory } from "../src/db/add-history.ts";
import { connect } from "../src/db/connect.ts";
import { generateWork } from "../src/db/generate-work.ts";
import { importCrm } from "../src/db/import-crm.ts";
import { percentiles } from "../src/live/percentiles.ts";
import { type AggregateSample, driveFleet, type Figures, startFleet } from "../test/support/drive-fleet.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    clients: { type: "string", default: "8" },
    rate: { type: "string", default: "60" },
    away: { type: "string", default: "3" },
    history: { type: "string", default: "0" },
    arms: { type: "string", default: "with,without" },
  },
});
const [seconds, clients, rate, away] = [values.seconds, values.clients, values.rate, values.away].map(
  Number,
) as [number, number, number, number];
const RECOVERED_MS = 1_000;

await using postgres = await startPostgres();
await using redis = await startRedis({ persist: true, config: { appendfsync: "no" } });
const deals = await fillDatabase();
const fleet = await startFleet({ REDIS_URL: redis.url, DATABASE_URL: postgres.url });

/** What the fleet would import, and what was before that. Resolves to the number of deals. */
async function fillDatabase(): Promise<number> {
  const connection = await connect({ url: postgres.url });
  try {
    await importCrm({ folder: new URL("../data/crm", import.meta.url).pathname });
    await generateWork();
    return await addHistory(Number(values.history));
  } finally {
    await connection.close();
  }
}

/** Seconds of processor that all the machine has used since it was started. */
const busySeconds = () =>
  cpus().reduce((sum, { times }) => sum + (times.user + times.nice + times.sys + times.irq) / 1000, 0);

/** One arm, with both kills. */
async function drive(bypass: boolean): Promise<Figures & { outages: [number, number][]; busy: number }> {
  const outages: [number, number][] = [];
  const startedAt = performance.now();
  const busyBefore = busySeconds();
  const faults = (async () => {
    for (let turn = 0; turn < 2; turn++) {
      await sleep(seconds * 250);
      const killedAt = performance.now() - startedAt;
      await redis.kill();
      await sleep(away * 1000);
      await redis.restart();
      outages.push([killedAt, performance.now() - startedAt + RECOVERED_MS]);
    }
  })();
  const [figures] = await Promise.all([driveFleet(fleet, { seconds, clients, rate, bypass }), faults]);
  // Of all processors; 1: none was ever idle.
  const busy = (busySeconds() - busyBefore) / seconds / availableParallelism();
  return { ...figures, outages, busy: Math.round(busy * 100) / 100 };
}

const of = (samples: readonly AggregateSample[]) => ({
  request: percentiles(samples.map(({ tookMs }) => tookMs)),
  inside: percentiles(samples.map(({ insideMs }) => insideMs)),
  read: percentiles(samples.map(({ readMs }) => readMs)),
});

try {
  // Code that runs for the first time is slow, and which arm comes first is no property of a cache.
  for (const bypass of [false, true]) await driveFleet(fleet, { seconds: 4, clients, rate: 0, bypass });
  const p99 = new Map<string, Record<string, number>>();
  for (const arm of values.arms.split(",")) {
    const { samples, outages, stale, failed, ...figures } = await drive(arm === "without");
    const well = samples.filter(
      ({ atMs, tookMs }) => !outages.some(([from, to]) => atMs + tookMs >= from && atMs <= to),
    );
    const hits = well.filter(({ cached }) => cached === "hit");
    const report = { all: of(samples), whileRedisAnswers: of(well), hits: of(hits) };
    p99.set(arm, {
      all: report.all.request?.p99 ?? 0,
      whileRedisAnswers: report.whileRedisAnswers.request?.p99 ?? 0,
      readAll: report.all.read?.p99 ?? 0,
      readWhileRedisAnswers: report.whileRedisAnswers.read?.p99 ?? 0,
      insideAll: report.all.inside?.p99 ?? 0,
      insideWhileRedisAnswers: report.whileRedisAnswers.inside?.p99 ?? 0,
    });
    const waited = well.filter(({ cached }) => cached !== "hit").length;
    console.log(
      JSON.stringify(
        {
          ...{
            arm,
            seconds,
            clients,
            rate,
            away,
            deals,
            cores: availableParallelism(),
            node: process.version,
          },
          ...{ ...figures, stale: stale.length, failed: failed.length, outages, ...report },
          missesWhileRedisAnswers: `${waited} of ${well.length}`,
          slowest: well.sort((a, b) => b.tookMs - a.tookMs).slice(0, 8),
          slowestOfAll: samples.toSorted((a, b) => b.tookMs - a.tookMs).slice(0, 12),
          examples: [...stale.slice(0, 5), ...failed.slice(0, 5)],
        },
        null,
        1,
      ),
    );
    if (stale.length > 0 || failed.length > 0) process.exitCode = 1;
  }
  const [withCache, without] = [p99.get("with"), p99.get("without")];
  if (withCache && without)
    for (const [what, value] of Object.entries(withCache))
      console.log(`p99 ${what}: without / with = ${((without[what] ?? 0) / value).toFixed(1)}`);
} finally {
  await fleet.stop();
}

// Three instances over Redis and PostgreSQL under load, with Redis killed and restarted twice.
//
//   node --conditions=@crm/source scripts/under-load.ts [--seconds 60] [--clients 8] [--rate 100]
//
// Starts a Redis and a PostgreSQL of its own (TEST_POSTGRES_URL names another one). Exits with 1 when anything was stale or failed. The
// ratios of the aggregates, without by with the cache, are taken twice while the load runs and twice after it.

import { availableParallelism } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { startPostgres, startRedis } from "@crm/testkit";
import {
  type AggregateRatio,
  compareAggregates,
  driveFleet,
  startFleet,
} from "../test/support/drive-fleet.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    clients: { type: "string", default: "8" },
    rate: { type: "string", default: "100" },
  },
});
const seconds = Number(values.seconds);
const clients = Number(values.clients);
const rate = Number(values.rate);

await using postgres = await startPostgres();
await using redis = await startRedis({ persist: true, config: { appendfsync: "no" } });
const fleet = await startFleet({ REDIS_URL: redis.url, DATABASE_URL: postgres.url });
try {
  const events: string[] = [];
  const startedAt = performance.now();
  const note = (what: string) =>
    events.push(`${((performance.now() - startedAt) / 1000).toFixed(1)} s: ${what}`);
  const ratios: AggregateRatio[] = [];
  const beside = (async () => {
    for (let turn = 0; turn < 2; turn++) {
      await sleep(seconds * 150);
      await redis.kill();
      note("Redis killed");
      await sleep(3_000);
      await redis.restart();
      note("Redis answers again");
      await sleep(2_000);
      ratios.push(...(await compareAggregates(fleet, 300)));
    }
  })();
  const [figures] = await Promise.all([driveFleet(fleet, { seconds, clients, rate }), beside]);
  const after = [...(await compareAggregates(fleet, 300)), ...(await compareAggregates(fleet, 300))];
  const { failed, stale } = figures;
  console.log(
    JSON.stringify(
      {
        ...{ seconds, clients, rate, cores: availableParallelism(), node: process.version, events },
        ...{ ...figures, stale: stale.length, failed: failed.length, underLoad: ratios, after },
        examples: [...stale.slice(0, 5), ...failed.slice(0, 5)],
      },
      null,
      2,
    ),
  );
  if (stale.length > 0 || failed.length > 0) process.exitCode = 1;
} finally {
  await fleet.stop();
}

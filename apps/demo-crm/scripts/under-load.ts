// Three instances over Redis and PostgreSQL under load, with Redis killed and restarted twice.
//
//   node --conditions=@crm/source scripts/under-load.ts [--seconds 60] [--clients 8]
//
// Starts a Redis and a PostgreSQL of its own (TEST_POSTGRES_URL names another one). Exits with 1 when a promise is not kept.

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
  options: { seconds: { type: "string", default: "60" }, clients: { type: "string", default: "8" } },
});
const seconds = Number(values.seconds);
const clients = Number(values.clients);

await using postgres = await startPostgres();
await using redis = await startRedis({ control: true, persist: true });
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
      ratios.push(...(await compareAggregates(fleet, 150)));
    }
  })();
  const figures = await driveFleet(fleet, { seconds, clients });
  await beside;
  const worst = Math.min(...ratios.map(({ p99 }) => p99));
  const { failed, stale } = figures;
  console.log(
    JSON.stringify(
      {
        ...{ seconds, clients, cores: availableParallelism(), node: process.version, events },
        ...{ ...figures, stale: stale.length, failed: failed.length, worstP99Ratio: worst, ratios },
        examples: [...stale.slice(0, 5), ...failed.slice(0, 5)],
      },
      null,
      2,
    ),
  );
  if (stale.length > 0 || failed.length > 0 || worst < 5) process.exitCode = 1;
} finally {
  await fleet.stop();
}

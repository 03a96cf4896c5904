import { expect, test } from "vitest";
import * as testkit from "./index.ts";

test("the exported names", () => {
  expect(Object.keys(testkit).sort()).toMatchInlineSnapshot(`
    [
      "WorkerExitError",
      "commandStats",
      "diffCommandStats",
      "expectNoForeignKeys",
      "expectNoPending",
      "installGuards",
      "percentile",
      "readDocument",
      "resetCommandStats",
      "runProgram",
      "seededRandom",
      "serveWorker",
      "spawnWorker",
      "startClusterProxies",
      "startFaultProxy",
      "startPostgres",
      "startRedis",
      "startRedisCluster",
      "startRedisSentinel",
      "waitFor",
    ]
  `);
});

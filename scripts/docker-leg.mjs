// The contract suite once more, with servers that Testcontainers starts. Uses the engine that answers, or starts one of its
// own for the occasion (scripts/lib/docker-engine.mjs says what that takes).
//
//   node scripts/docker-leg.mjs [--if-possible] [-- command …]
//
// --if-possible: a machine that can have no engine is reported and is no failure; anything else that goes wrong is one.
// Exit codes: 0 passed, 1 failed, 3 not run because this machine can have no engine (0 with --if-possible).

import { join } from "node:path";
import { parseArgs } from "node:util";
import { aptInstall, canInstall } from "./lib/apt.mjs";
import { findEngine } from "./lib/docker-api.mjs";
import { engineObstacle, startEngine } from "./lib/docker-engine.mjs";
import { dockerEnv } from "./lib/find-redis.mjs";
import { ensureRedisImage } from "./lib/redis-image.mjs";
import { elapsed, run, which } from "./lib/run.mjs";
import { forgetReports, printTotals, readReports, VITEST_ARGS } from "./lib/vitest-reports.mjs";
import { root } from "./lib/workspace.mjs";

const CORE = { path: "packages/cache-core", directory: join(root, "packages/cache-core") };
const CONTRACT = ["--filter", "@crm/cache-core", "exec", "vitest", "run", "test/contract", ...VITEST_ARGS];

const { values: flags, positionals: command } = parseArgs({
  options: { "if-possible": { type: "boolean", default: false } },
  allowPositionals: true,
});

/** @param {Record<string, string>} env */
async function runSuite(env) {
  // First one container and a PING: when Docker itself is the trouble, this says so in one line.
  const probe = await run(process.execPath, [join(root, "scripts/docker-probe.mjs")], {
    cwd: root,
    env,
    timeoutMs: 90_000,
  });
  if (probe.code !== 0)
    throw new Error("Testcontainers could not start a container on this engine: see above");

  const [program, ...args] = command;
  if (program) return (await run(program, args, { cwd: root, env })).code;
  forgetReports([CORE.directory]);
  const { code } = await run("pnpm", CONTRACT, { cwd: root, env });
  const totals = readReports([CORE]);
  for (const problem of totals.problems) console.log(`- ${problem}`);
  printTotals(totals);
  return code || (totals.failed === 0 && totals.passed > 0 ? 0 : 1);
}

async function main() {
  const running = await findEngine();
  const obstacle = running ? undefined : engineObstacle();
  if (obstacle) {
    console.log(`NOT RUN: no Docker engine answers, and ${obstacle}.`);
    return flags["if-possible"] ? 0 : 3;
  }
  // An engine that pulls nothing makes its image from the installed redis-server.
  if (!running && !which("redis-server") && canInstall()) await aptInstall(["redis-server"]);

  const startedAt = performance.now();
  const own = running ? undefined : await startEngine();
  if (own) console.log(`Started a Docker engine for this run in ${elapsed(startedAt)}`);
  const stop = once(async () => own?.stop());
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) {
    process.once(signal, () => stop().then(() => process.exit(130)));
  }
  try {
    const engine = running ?? { socketPath: String(own?.socketPath) };
    const made = await ensureRedisImage(engine, {
      wanted: process.env.TEST_REDIS_IMAGE,
      preferLocal: own !== undefined,
    });
    if ("problem" in made) throw new Error(`the engine has no image to start: ${made.problem}`);
    console.log(`Image: ${made.image}`);
    const env = dockerEnv(made.image, made.ryuk && own === undefined);
    if (own) env.DOCKER_HOST = `unix://${own.socketPath}`;
    return await runSuite(env);
  } finally {
    await stop();
  }
}

/**
 * @template T
 * @param {() => Promise<T>} action
 * @returns {() => Promise<T>} the same promise at every call
 */
function once(action) {
  /** @type {Promise<T> | undefined} */
  let started;
  return () => {
    started ??= action();
    return started;
  };
}

process.exitCode = await main().catch((error) => {
  console.error(`The Docker leg failed: ${error.message}`);
  return 1;
});

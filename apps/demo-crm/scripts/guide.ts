// The numbers of docs/guide, measured: `pnpm --filter demo-crm guide`, or with the numbers of the steps that are wanted.
//
// Steps 1 to 4, 7 and 8 run in this process over the embedded Postgres and the store that the environment names, by default in memory.
// Steps 5 and 6 start three instances over a Redis of their own, for which `redis-server` has to be installed.

import { startGuide } from "./guide/start-guide.ts";

const STEPS = {
  1: async () => (await import("./guide/read-through.ts")).readThrough,
  2: async () => (await import("./guide/first-write.ts")).firstWrite,
  3: async () => (await import("./guide/stale-reads.ts")).staleReads,
  4: async () => (await import("./guide/dependencies.ts")).dependencies,
  5: async () => (await import("./guide/fleet.ts")).fleet,
  6: async () => (await import("./guide/redis-dies.ts")).redisDies,
  7: async () => (await import("./guide/warming.ts")).warming,
  8: async () => (await import("./guide/limits-and-locks.ts")).limitsAndLocks,
} as const;

const wanted = process.argv.slice(2).filter((argument) => argument !== "--");
const unknown = wanted.filter((step) => !(step in STEPS));
if (unknown.length > 0) {
  console.error(`No such step: ${unknown.join(", ")}. There are 1 to ${Object.keys(STEPS).length}`);
  process.exit(2);
}
const guide = await startGuide();
try {
  for (const [step, load] of Object.entries(STEPS)) {
    if (wanted.length > 0 && !wanted.includes(step)) continue;
    await guide.reset();
    console.log(`${step}. ${await (await load())()}`);
  }
} finally {
  await guide.close();
}

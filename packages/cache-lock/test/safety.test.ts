import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createCache } from "@crm/cache-core";
import { redisStore } from "@crm/cache-core/redis";
import {
  type RedisServer,
  type SeededRandom,
  seededRandom,
  spawnWorker,
  startRedis,
  type Worker,
} from "@crm/testkit";
import { expect, it } from "vitest";
import { createLocks } from "../src/index.ts";
import { checkRegister, type RegisterWrite } from "./support/check-register.ts";
import { sleep } from "./support/suite.ts";

/** Critical sections in all. The full run is `SAFETY_SECTIONS=100000`. */
const SECTIONS = Number(process.env.SAFETY_SECTIONS ?? 2_500);
const PROCESSES = 8;
const TTL_MS = 300;
const SEED = process.env.SAFETY_SEED ?? "2026-11-25";
const CONTENDER = new URL("./workers/contender.ts", import.meta.url);

interface Line extends Omit<RegisterWrite, "accepted"> {
  readonly accepted: number;
  /** Whether the holder believed in its lock after the write, by its own clock. */
  readonly held: boolean;
  /** What the release said. */
  readonly released: boolean;
}

it(`keeps ${SECTIONS} critical sections of ${PROCESSES} processes apart, with everything that can go wrong`, async () => {
  const redis = await startRedis({ control: true });
  const resource = await startRedis({ control: true });
  const folder = await mkdtemp(join(tmpdir(), "lock-safety-"));
  const random = seededRandom(SEED);
  const faults = { killed: 0, stopped: 0, blocked: 0, redis: 0, flushed: 0, jumped: 0 };
  let serial = 0;
  let running = true;

  async function start(): Promise<{ worker: Worker; file: string }> {
    const file = join(folder, `${serial}`);
    const skew = String(random.pick([-3_600_000, 0, 3_600_000]));
    const args = [redis.url, "safety", skew, file, `${TTL_MS}ms`, resource.url];
    const worker = await spawnWorker(CONTENDER, { args, readyTimeoutMs: 60_000 });
    const id = `w${serial++}`;
    worker.call("run", { count: Number.MAX_SAFE_INTEGER, id }).catch(() => {});
    return { worker, file };
  }

  const admin = await resource.client();
  const client = await redis.client();
  const cache = createCache({ store: redisStore({ url: redis.url }), namespace: "safety" });
  const locks = createLocks(cache);
  const slots = await Promise.all(Array.from({ length: PROCESSES }, start));
  try {
    const flushing = (async () => {
      while (running) {
        await client.script("FLUSH").catch(() => {});
        faults.flushed++;
        await sleep(100);
      }
    })();
    const disturbing = disturb(
      random,
      slots,
      redis,
      faults,
      start,
      () => running,
      async () => {
        const { holder } = await locks.inspect("guarded");
        return Number(holder?.owner.split(":")[1] ?? 0);
      },
    );
    while ((await admin.llen("history")) < SECTIONS) await sleep(50);
    running = false;
    await disturbing;
    await flushing;
    for (const { worker } of slots) await worker.call("stop").catch(() => {});
    await sleep(500);
    for (const { worker } of slots) await worker.kill();

    const applied = (await admin.lrange("history", 0, -1)).map((line) => {
      const [fence, value, accepted, seen] = line.split(" ") as [string, string, string, string];
      return { fence: Number(fence), value, accepted: accepted === "1", seen };
    });
    const lines: Line[] = [];
    for (let i = 0; i < serial; i++) {
      const text = await readFile(join(folder, `${i}`), "utf8").catch(() => "");
      // The last line of one that was killed may be cut.
      for (const line of text.split("\n")) if (line.endsWith("}")) lines.push(JSON.parse(line));
    }
    const answered = new Map(lines.map((line) => [line.value, line]));

    // No stale write got in, seen from the resource.
    let highest = 0;
    let staleAccepted = 0;
    for (const { fence, accepted } of applied) {
      if (accepted && fence < highest) staleAccepted++;
      if (accepted) highest = Math.max(highest, fence);
    }
    expect(staleAccepted).toBe(0);
    // And from the clients: there is one order that explains what all of them saw.
    const unanswered = new Map(
      applied
        .filter(({ value, accepted }) => accepted && !answered.has(value))
        .map((write) => [write.value, write]),
    );
    const refusedUnanswered = applied.filter(
      ({ value, accepted }) => !accepted && !answered.has(value),
    ).length;
    const history = lines.map((line) => ({ ...line, accepted: line.accepted === 1 }));
    expect(checkRegister(history, unanswered).slice(0, 5)).toEqual([]);
    // Each acquisition has a fence of its own, and no release succeeded on a lock that a later holder had by then.
    expect(new Set(lines.map(({ fence }) => fence)).size).toBe(lines.length);
    const order = [...applied];
    const position = new Map(order.map(({ value }, i) => [value, i]));
    const foreign = lines.filter(({ released, value, fence }) => {
      if (!released) return false;
      // A later fence was at work before this write was applied: then the lock was not this holder's to release.
      const at = position.get(value) as number;
      return order.slice(0, at).some((other) => other.fence > fence);
    });
    expect(foreign).toEqual([]);
    const overlaps = Number((await admin.get("stale")) ?? 0);
    const figures = {
      sections: applied.length,
      answered: lines.length,
      unanswered: unanswered.size + refusedUnanswered,
      overlapsWithoutFence: overlaps,
      ...faults,
    };
    if (process.env.SAFETY_FIGURES) process.stdout.write(`${JSON.stringify(figures)}\n`);
    // Without the fence some of those writes would have gone in: the control arm.
    if (SECTIONS >= 20_000) expect(overlaps).toBeGreaterThan(0);
    // Every kind of trouble came.
    for (const [kind, times] of Object.entries(faults)) expect(times, kind).toBeGreaterThan(0);
  } finally {
    running = false;
    for (const { worker } of slots) await worker.kill();
    await locks.close();
    await cache.close();
    await redis.stop();
    await resource.stop();
    await rm(folder, { recursive: true });
  }
}, 1_800_000);

/** One fault after the other, until it is enough. */
async function disturb(
  random: SeededRandom,
  slots: { worker: Worker; file: string }[],
  redis: RedisServer,
  faults: Record<string, number>,
  start: () => Promise<{ worker: Worker; file: string }>,
  goesOn: () => boolean,
  holderPid: () => Promise<number>,
): Promise<void> {
  /** Stops a process while it holds the lock, or one that may hold it after twenty tries. */
  async function stopInside(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const pid = await holderPid().catch(() => 0);
      const { worker } = slots.find((slot) => slot.worker.pid === pid) ?? random.pick(slots);
      await worker.pause();
      const caught = (await holderPid().catch(() => 0)) === worker.pid;
      if (caught || attempt === 20) await sleep(TTL_MS * 3.2);
      worker.resume();
      if (caught || attempt === 20) return;
    }
  }

  for (let n = 0; goesOn(); n++) {
    // Mostly the one that holds the lock just now, as far as that can be known.
    const holder = random.chance(0.8) ? await holderPid().catch(() => 0) : 0;
    const known = slots.findIndex(({ worker }) => worker.pid === holder);
    const at = known === -1 ? random.int(0, slots.length - 1) : known;
    const { worker } = slots[at]!;
    // All kinds first, then as it comes.
    switch (n < 5 ? n : random.int(0, 9)) {
      case 0:
        await worker.kill();
        slots[at] = await start();
        faults.killed!++;
        break;
      case 1:
      case 5:
      case 6:
        await stopInside();
        faults.stopped!++;
        break;
      case 2:
      case 7:
        await worker.call("block", TTL_MS * 1.5).catch(() => {});
        faults.blocked!++;
        break;
      case 3:
        await redis.pause();
        await sleep(random.int(20, TTL_MS * 2));
        await redis.resume();
        faults.redis!++;
        break;
      default:
        await worker.call("jump", random.pick([-3_600_000, 3_600_000])).catch(() => {});
        faults.jumped!++;
    }
    await sleep(random.int(5, 150));
  }
}

// A process that enters critical sections of one lock, one after the other, and writes down what it did. It may be killed or
// stopped at any moment, so what it reports goes out at once, over a file of its own.

import { appendFileSync } from "node:fs";
import { serveWorker } from "@crm/testkit";
import { Redis } from "ioredis";

const [url, namespace, skew, file, ttl] = process.argv.slice(2) as [string, string, string, string, "300ms"];
const RightDate = Date;
let ahead = Number(skew);
const now = (): number => RightDate.now() + ahead;
globalThis.Date = new Proxy(RightDate, {
  construct: (target, args) => (args.length === 0 ? new target(now()) : Reflect.construct(target, args)),
  get: (target, name) => (name === "now" ? now : Reflect.get(target, name)),
});

const { createCache } = await import("@crm/cache-core");
const { redisStore } = await import("@crm/cache-core/redis");
const { createLocks } = await import("../../src/index.ts");

process.once("disconnect", () => process.exit(0));
const cache = createCache({ store: redisStore({ url }), namespace });
const locks = createLocks(cache, { ttl, wait: "2s" });
/** The guarded resource is a server of its own, which nobody stops: what counts there is the lock alone. */
const [resource] = process.argv.slice(7) as [string];
const guarded = new Redis(resource);
/**
 * The register, and its history in the order in which the resource applied it. Accepted when the fence is not lower than
 * the highest so far. Unfenced is the same write as a resource without a guard sees it.
 */
guarded.defineCommand("write", {
  numberOfKeys: 3,
  lua: `
local seen = tonumber(redis.call('HGET', KEYS[1], 'f') or 0)
local fence = tonumber(ARGV[1])
local value = redis.call('HGET', KEYS[1], 'v') or ''
local accepted = fence >= seen and 1 or 0
-- Fenced: the write goes in only if the fence is not lower. Unfenced: it always does, and is counted.
if fence < seen then redis.call('INCR', KEYS[3]) end
if accepted == 1 then redis.call('HSET', KEYS[1], 'f', ARGV[1], 'v', ARGV[2]) end
redis.call('RPUSH', KEYS[2], ARGV[1] .. ' ' .. ARGV[2] .. ' ' .. accepted .. ' ' .. value)
return {accepted, value}`,
});
const write = (fence: number, value: string): Promise<[number, string]> =>
  (guarded as unknown as { write(...args: unknown[]): Promise<[number, string]> }).write(
    "register",
    "history",
    "stale",
    fence,
    value,
  );

/** One clock for all processes of the machine, which nobody sets. */
const monotonic = (): number => Number(process.hrtime.bigint()) / 1e6;
let running = true;
let sections = 0;

serveWorker({
  /** Runs so many sections, unless it is told to stop. */
  async run({ count, id }: { count: number; id: string }) {
    for (let i = 0; i < count && running; i++) {
      try {
        const lock = await locks.acquire("guarded");
        // Long enough that a fault often finds somebody inside. The holder does not look at its signal: the worst there is.
        await new Promise((resolve) => setTimeout(resolve, 1));
        const asked = monotonic();
        const value = `${id}.${i}`;
        const [accepted, seen] = await write(lock.fence, value);
        const answered = monotonic();
        const held = lock.held;
        const released = await lock.release();
        appendFileSync(
          file,
          `${JSON.stringify({ fence: lock.fence, value, accepted, seen, held, released, asked, answered })}\n`,
        );
        sections++;
      } catch {
        // Busy, unavailable, lost: the next one.
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    }
    return sections;
  },
  /** The wall clock jumps. */
  jump: (ms: number) => {
    ahead += ms;
  },
  /** The event loop stands still. */
  block: (ms: number) => {
    const until = performance.now() + ms;
    while (performance.now() < until);
  },
  stop: () => {
    running = false;
  },
});

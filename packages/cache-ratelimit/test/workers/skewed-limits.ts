// A process whose wall clock is wrong by as much as its second argument says. It decides, and keeps what the server said.

import type { AtomicOperation, AtomicReply } from "@crm/cache-core";
import { serveWorker } from "@crm/testkit";

const [url, skew, number] = process.argv.slice(2);
const RightDate = Date;
const now = (): number => RightDate.now() + Number(skew);
globalThis.Date = new Proxy(RightDate, {
  construct: (target, args) => (args.length === 0 ? new target(now()) : Reflect.construct(target, args)),
  get: (target, name) => (name === "now" ? now : Reflect.get(target, name)),
});

const { createCache } = await import("@crm/cache-core");
const { redisStore } = await import("@crm/cache-core/redis");
const { createRateLimiter } = await import("../../src/index.ts");
const { checkBucketCalls, readBucketCalls } = await import("../../src/scripts/check-bucket-calls.ts");
const { checkLimits, readChecks } = await import("../../src/scripts/check-limits.ts");
const { checkWindow, readWindow } = await import("../../src/scripts/check-window.ts");
const { checkWindowCalls, readWindowCalls } = await import("../../src/scripts/check-window-calls.ts");
const { EXACT_RULES, KEYS } = await import("../support/exact-plan.ts");

/** As it is, but for a reply that begins with the server's time, as that of `checkLimits` does. */
function timed(operation: AtomicOperation): AtomicOperation {
  const lua = `local time = redis.call('TIME')
local function body()
${operation.lua.replace("redis.call('TIME')", "time")}
end
return {time[1] * 1000000 + time[2], body()}`;
  return { ...operation, lua };
}
/** By the script that is asked of one window, or of calls that come together: it with the time, and how its reply is read. */
const QUICK = new Map([
  [checkWindow, { asked: timed(checkWindow), read: (reply: AtomicReply) => readWindow(reply) }],
  [checkWindowCalls, { asked: timed(checkWindowCalls), read: readWindowCalls }],
  [checkBucketCalls, { asked: timed(checkBucketCalls), read: readBucketCalls }],
]);

/** Part and subject of a state's key. */
function partsOf(key: string): [part: string, subject: string] {
  const [, part = "", subject = ""] = /^exact:1q:([^:]*):(.*)$/.exec(key) ?? [];
  return [part, subject];
}

/** Every script with its reply, as the server gave it. */
const store = redisStore({ url, commandTimeout: "10s" });
const seen: { args: readonly unknown[]; reply: readonly number[] }[] = [];
const recording = {
  ...store,
  run: async (...call: Parameters<typeof store.run>) => {
    const [operation, keys, args, options] = call;
    const quick = QUICK.get(operation);
    if (quick !== undefined) {
      const [micros, reply = null] = (await store.run(quick.asked, keys, args, options)) as [number, Buffer];
      // Calls of one rule: "<limit>:…", cost, place of the state.
      const calls =
        operation === checkWindow
          ? [{ cost: args[0], key: keys[0] as string }]
          : Array.from({ length: args.length / 3 }, (_, i) => ({
              cost: args[3 * i + 1],
              key: keys[Number(args[3 * i + 2]) - 1] as string,
            }));
      const numbers = quick.read(reply, calls.length);
      // Where it replies nothing the other script is asked.
      if (numbers !== null) {
        const asPlans = calls.flatMap(({ cost, key }) => {
          const [part, subject] = partsOf(key);
          return [JSON.stringify([1, [part]]), cost, subject];
        });
        seen.push({ args: asPlans, reply: [micros, ...numbers] });
      }
      return reply;
    }
    const reply = await store.run(...call);
    if (operation === checkLimits) {
      const count = (reply as Buffer).length / 8;
      seen.push({ args, reply: readChecks(reply, count) as readonly number[] });
    }
    return reply;
  },
};
Object.defineProperty(recording, "available", { get: () => store.available });
const cache = createCache({ store: recording, namespace: "exact" });
const limiters = Object.entries(EXACT_RULES).map(([name, rule]) =>
  createRateLimiter(cache, { rule }, { name, denyCache: false }),
);

serveWorker({
  now: () => Date.now(),
  /** Decides so many times, 64 at a time, and returns what the server said: µs, place in the script, key, cost, allowed. */
  decide: async ({ count, seed }: { count: number; seed: number }) => {
    seen.length = 0;
    let state = seed * 7919 + Number(number) + 1;
    const random = (): number => {
      state = (state * 1103515245 + 12345) % 2147483648;
      return state / 2147483648;
    };
    let left = count;
    let differing = 0;
    await Promise.all(
      Array.from({ length: 64 }, async () => {
        while (left > 0) {
          left--;
          const limiter = limiters[Math.floor(random() * limiters.length)]!;
          const { allowed, retryAfter } = await limiter.check(`k${Math.floor(random() * KEYS)}`, {
            cost: 1 + Math.floor(random() * 20),
          });
          if (allowed !== (retryAfter === 0)) differing++;
        }
      }),
    );
    const decisions: [
      micros: number,
      place: number,
      limiter: string,
      key: string,
      cost: number,
      allowed: boolean,
    ][] = [];
    for (const { args, reply } of seen) {
      for (let i = 0; i * 3 < args.length; i++) {
        const [, [part]] = JSON.parse(String(args[3 * i])) as [number, [string]];
        const name = part.slice(0, part.indexOf("/"));
        const wait = reply[3 + 3 * i] as number;
        decisions.push([
          reply[0] as number,
          i,
          name,
          String(args[3 * i + 2]),
          Number(args[3 * i + 1]),
          wait === 0,
        ]);
      }
    }
    return { decisions, differing };
  },
});

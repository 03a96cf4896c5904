// A process whose wall clock is wrong by as much as its second argument says. It decides, and keeps what the server said.

import type { AtomicOperation, AtomicReply } from "@crm/cache-core";
import { serveWorker } from "@crm/testkit";
import type { ExactName } from "../support/exact-plan.ts";

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
const { checkRecordCalls, readRecordCalls } = await import("../../src/scripts/check-record-calls.ts");
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
  [checkRecordCalls, { asked: timed(checkRecordCalls), read: readRecordCalls }],
]);

interface Call {
  readonly limiter: ExactName;
  readonly subject: string;
  readonly cost: number;
}

/** The call that has its state under this key. */
function callOf(key: string, cost: unknown): Call {
  const [, limiter = "", subject = ""] = /^exact:1q:([^:/]*)[^:]*:(.*)$/.exec(key) ?? [];
  return { limiter: limiter as ExactName, subject, cost: Number(cost) };
}

/** Every script with its reply, as the server gave it. */
const store = redisStore({ url, commandTimeout: "10s" });
const seen: { micros: number; calls: readonly Call[]; figures: readonly number[] }[] = [];
const recording = {
  ...store,
  run: async (...call: Parameters<typeof store.run>) => {
    const [operation, keys, args, options] = call;
    const quick = QUICK.get(operation);
    if (quick !== undefined) {
      const [micros, reply = null] = (await store.run(quick.asked, keys, args, options)) as [number, Buffer];
      // For each call: its rules, cost, place of its state or record.
      const calls =
        operation === checkWindow
          ? [callOf(keys[0] as string, args[0])]
          : Array.from({ length: args.length / 3 }, (_, i) =>
              callOf(keys[Number(args[3 * i + 2]) - 1] as string, args[3 * i + 1]),
            );
      const figures = quick.read(reply, rulesOf(calls));
      // Where it replies nothing the other script is asked.
      if (figures !== null) seen.push({ micros, calls, figures });
      return reply;
    }
    const reply = await store.run(...call);
    if (operation === checkLimits) {
      const calls = Array.from({ length: args.length / 3 }, (_, i) => {
        const [, [part]] = JSON.parse(String(args[3 * i])) as [number, [string]];
        return callOf(`${keys[0]}${part}:${args[3 * i + 2]}`, args[3 * i + 1]);
      });
      const [micros = 0, ...figures] = readChecks(reply, 1 + 3 * rulesOf(calls)) as readonly number[];
      seen.push({ micros, calls, figures });
    }
    return reply;
  },
};
Object.defineProperty(recording, "available", { get: () => store.available });
const cache = createCache({ store: recording, namespace: "exact" });
const limiters = Object.entries(EXACT_RULES).map(([name, rules]) =>
  createRateLimiter(cache, Object.fromEntries(rules.map((rule, i) => [`r${i}`, rule])), {
    name,
    denyCache: false,
  }),
);

function rulesOf(calls: readonly Call[]): number {
  return calls.reduce((count, { limiter }) => count + EXACT_RULES[limiter].length, 0);
}

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
    for (const { micros, calls, figures } of seen) {
      let from = 0;
      for (const [place, { limiter, subject, cost }] of calls.entries()) {
        const until = from + 3 * EXACT_RULES[limiter].length;
        // Below 0 it was not judged there, and another script was asked.
        if ((figures[from] as number) >= 0) {
          const allowed = figures.slice(from, until).every((figure, i) => i % 3 !== 2 || figure === 0);
          decisions.push([micros, place, limiter, subject, cost, allowed]);
        }
        from = until;
      }
    }
    return { decisions, differing };
  },
});

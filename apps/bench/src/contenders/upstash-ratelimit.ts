import { createHash } from "node:crypto";
import { Ratelimit } from "@upstash/ratelimit";
import { Redis } from "ioredis";
import type { Contender } from "../contender.ts";

const LIMIT = 1_000_000;

export const upstashRatelimit: Contender = {
  note: "its scripts through a shim over ioredis 5, without the first line that Redis 7.0 refuses; its own client speaks HTTP and is not measured; analytics, cache and timeout off; fixed window, and its token bucket in place of GCRA",
  open: async ({ port }) => {
    const client = new Redis({ port, host: "127.0.0.1" });
    await client.ping();
    const accepted = new Map<string, string>();
    const redis = {
      async evalsha(hash: string, keys: string[], args: unknown[]): Promise<unknown> {
        const sha = accepted.get(hash);
        if (sha === undefined) throw new Error("NOSCRIPT No matching script");
        return client.evalsha(sha, keys.length, ...keys, ...args.map(String));
      },
      async eval(script: string, keys: string[], args: unknown[]): Promise<unknown> {
        const portable = script.replace(/^#!lua[^\n]*\n/, "");
        const sha = (await client.script("LOAD", portable)) as string;
        accepted.set(createHash("sha1").update(script).digest("hex"), sha);
        return client.evalsha(sha, keys.length, ...keys, ...args.map(String));
      },
    };
    const make = (limiter: ReturnType<typeof Ratelimit.fixedWindow>, prefix: string) =>
      new Ratelimit({
        redis: redis as never,
        limiter,
        prefix,
        analytics: false,
        ephemeralCache: false,
        timeout: 0,
      });
    const fixed = make(Ratelimit.fixedWindow(LIMIT * 1_000, "1 h"), "fixed");
    const smooth = make(Ratelimit.tokenBucket(LIMIT, "1 h", LIMIT), "smooth");
    return {
      set: async () => {},
      limit: async (key) => (await fixed.limit(key)).success,
      limitSmoothly: async (key) => (await smooth.limit(key)).success,
      close: async () => client.disconnect(),
    };
  },
};

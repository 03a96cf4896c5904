import { createRateLimiter } from "@crm/cache-ratelimit";
import { rateLimit } from "@crm/cache-ratelimit/hono";
import { getConnInfo } from "@hono/node-server/conninfo";
import { cache } from "../cache/index.ts";
import type { AppContext } from "./router.ts";

export interface Limits {
  /** Requests a minute. @default 600 */
  readonly perUser?: number | undefined;
  /** Requests a minute, of everybody behind the address. @default 1_200 */
  readonly perAddress?: number | undefined;
  /** Attempts in 15 minutes. @default 10 */
  readonly signInsPerAccount?: number | undefined;
  /** Attempts in 15 minutes. @default 50 */
  readonly signInsPerAddress?: number | undefined;
}

/** The limits of the API, shared by all instances on one store. Both rules of a limiter are spent together or not at all. */
export function createLimits(limits: Limits = {}) {
  const requests = createRateLimiter(
    cache,
    {
      user: { limit: limits.perUser ?? 600, window: "1m", algorithm: "sliding-counter", by: "user" },
      address: {
        limit: limits.perAddress ?? 1_200,
        window: "1m",
        algorithm: "sliding-counter",
        by: "address",
      },
    },
    { name: "api" },
  );
  const signIns = createRateLimiter(
    cache,
    {
      account: {
        limit: limits.signInsPerAccount ?? 10,
        window: "15m",
        by: "account",
        whenUnavailable: "closed",
      },
      address: {
        limit: limits.signInsPerAddress ?? 50,
        window: "15m",
        by: "address",
        whenUnavailable: "closed",
      },
    },
    { name: "sign-in" },
  );
  return {
    /** Counts a request for its user and its address. Who has not signed in counts for the address under both. */
    requests: rateLimit<AppContext>(requests, {
      subject: subjectOf,
    }),
    signIns,
    /** Both, for whoever looks at them. */
    all: [requests, signIns] as const,
    /** Names of whom a request is counted for. */
    subjectOf,
    async close(): Promise<void> {
      await requests.close();
      await signIns.close();
    },
  };
}

function subjectOf(c: AppContext): { user: string; address: string } {
  const address = addressOf(c);
  return { user: c.var.user?.userId ?? `anonymous ${address}`, address };
}

export type ApiLimits = ReturnType<typeof createLimits>;
/** The other end of the connection. A header that a proxy may have written is not believed. */
export function addressOf(c: AppContext): string {
  const bindings = c.env as { incoming?: unknown } | undefined;
  const address = bindings?.incoming ? getConnInfo(c).remote.address : undefined;
  return address ?? "unknown";
}

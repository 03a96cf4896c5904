import { escapeGlob } from "@crm/cache-core";
import { drawRules } from "@crm/cache-rules";
import { cache, locks } from "../cache/index.ts";
import { rules } from "../cache/rules.ts";
import { cacheSettings } from "../cache/settings.ts";
import { describeRules } from "../live/describe-rules.ts";
import { lockNames } from "../live/lock-names.ts";
import type { WarmingLog } from "../live/warming-log.ts";
import { entriesQuery, entryParams } from "./inputs.ts";
import type { ApiLimits } from "./limits.ts";
import { ProblemError } from "./problem.ts";
import { createRouter, type Router, serve } from "./router.ts";

export interface ConsoleOptions {
  readonly limits: ApiLimits;
  readonly warming: WarmingLog;
}

/** What the console of the cache shows beside the figures: entries, locks, limits, rules and warming. */
export function consoleRoutes({ limits, warming }: ConsoleOptions): Router {
  const router = createRouter();
  const names = lockNames();
  const get = (path: string, summary: string) => ({ method: "get", path, tag: "cache", summary }) as const;

  serve(router, get("/warming", "Runs, tasks and limiter of the warmer"), (c) =>
    c.json({ data: warming.read() }),
  );

  serve(
    router,
    { ...get("/entries", "Keys with a prefix, in their order"), query: entriesQuery },
    async (c, { query }) => {
      const { prefix, cursor, limit } = query;
      const found = await cache.internals.list({ patterns: [`${escapeGlob(prefix)}*`] });
      const keys = found.map(({ key }) => key).sort();
      const from = cursor === undefined ? 0 : keys.findIndex((key) => key > cursor);
      const page = from === -1 ? [] : keys.slice(from, from + limit);
      const items = await Promise.all(page.map(describeEntry));
      const last = page.at(-1);
      const next = last !== undefined && last !== keys.at(-1) ? last : null;
      return c.json({ data: { items, total: keys.length, next } });
    },
  );

  serve(
    router,
    {
      ...{ method: "delete", path: "/entries/{key}", tag: "cache", summary: "Removes an entry" },
      ...{ params: entryParams, signedIn: true },
    },
    async (c, { params }) => {
      if ((await cache.del(params.key)) === 0)
        throw new ProblemError({
          status: 404,
          title: "Not found",
          code: "NOT_FOUND",
          detail: "No such entry",
        });
      return c.json({ data: { key: params.key } });
    },
  );

  serve(router, get("/locks", "Who holds the locks of this app, and how many wait"), async (c) => {
    const all = await Promise.all(
      (await names.read()).map(async (name) => ({ name, ...(await locks.inspect(name)) })),
    );
    // A lock that nobody has ever taken has nothing to show.
    return c.json({ data: all.filter(({ fence, waiters }) => fence > 0 || waiters > 0) });
  });

  serve(
    router,
    get("/limits", "The limits, what was decided here, and where the caller stands"),
    async (c) => {
      const data = await Promise.all(
        limits.all.map(async (limiter) => ({
          name: limiter.name,
          rules: limiter.rules.map((rule) => ({ ...rule })),
          decided: limiter.getStats(),
          you: limiter.name === "api" ? await limiter.peek(limits.subjectOf(c)) : null,
        })),
      );
      return c.json({ data });
    },
  );

  serve(router, get("/rules", "The invalidation rules as a graph"), (c) =>
    c.json({
      data: {
        mode: cacheSettings().invalidation ?? "rules",
        ...describeRules(rules),
        mermaid: drawRules(rules),
      },
    }),
  );
  return router;
}

async function describeEntry(key: string) {
  const { state, ttl, expiresIn, ageSeconds, tags, bytes, leased } = await cache.explain(key);
  return { key, state, ttl, expiresIn, ageSeconds, tags, bytes, leased };
}

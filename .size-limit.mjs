// What an entry point costs whoever imports all of it: bundled with its dependencies, minified, brotli. Left out are the optional
// peers, and cache-core, which is counted once. A server downloads none of this, but parses all of it at every start.
//
// A ceiling is the size when it was set and a tenth. What needs more raises it here, and its reason says what for.

import { entryPoints, publishedPackages } from "./scripts/lib/workspace.mjs";

const CORE = "@crm/cache-core";

/** @type {Record<string, { limit: string, message: string }>} */
const CEILINGS = {
  [CORE]: {
    limit: "147 kB",
    message: "seven tenths of the code are zod, which checks the variables of the environment",
  },
  [`${CORE}/redis`]: { limit: "13 kB", message: "connections, lanes and their breaker; ioredis is a peer" },
  [`${CORE}/msgpack`]: {
    limit: "4.1 kB",
    message: "a codec, and the walk that refuses what it cannot carry; msgpackr is a peer",
  },
  [`${CORE}/otel`]: {
    limit: "5.1 kB",
    message: "the metrics and their table; OpenTelemetry's API is a peer",
  },
  [`${CORE}/testing`]: {
    limit: "63 kB",
    message: "the contract of a store and the cache that it is tried with; only tests load it",
  },
  "@crm/cache-invalidator": { limit: "10.1 kB", message: "the cascade, the history and its queries" },
  "@crm/cache-invalidator/postgres": {
    limit: "8.1 kB",
    message: "outbox, trigger and relay; the client of the database is the caller's",
  },
  "@crm/cache-invalidator/meter": {
    limit: "3.2 kB",
    message: "compares a share of the reads with their origin",
  },
  "@crm/cache-lock": {
    limit: "13.9 kB",
    message: "locks of every kind, each operation in Lua and in TypeScript",
  },
  "@crm/cache-ratelimit": {
    limit: "17.5 kB",
    message: "five algorithms and the queue, each operation in Lua and in TypeScript",
  },
  "@crm/cache-ratelimit/hono": { limit: "1.6 kB", message: "a middleware; the limiter is the caller's" },
  "@crm/cache-ratelimit/express": {
    limit: "13.2 kB",
    message: "a middleware, and a store for express-rate-limit that makes a limiter of its own",
  },
  "@crm/cache-ratelimit/fastify": { limit: "1.6 kB", message: "a hook; the limiter is the caller's" },
  "@crm/cache-ratelimit/testing": {
    limit: "21.8 kB",
    message: "the contract of a limiter, its definition and the limiter; only tests load it",
  },
  "@crm/cache-rules": {
    limit: "123 kB",
    message: "four fifths of the code are zod and the rest is yaml: rules come from files that people write",
  },
  "@crm/cache-warmer": {
    limit: "30.8 kB",
    message: "a third of the code is croner, which reads cron expressions",
  },
};

const entries = publishedPackages().flatMap((found) =>
  entryPoints(found).map((entry) => ({ ...entry, found })),
);
const unknown = Object.keys(CEILINGS).filter((name) => !entries.some((entry) => entry.name === name));
if (unknown.length > 0)
  throw new Error(`.size-limit.mjs: no package has the entry point ${unknown.join(", ")}`);

export default entries.map(({ name, built, found: { manifest } }) => {
  const ceiling = CEILINGS[name];
  if (!ceiling) throw new Error(`.size-limit.mjs: ${name} needs a ceiling, and a reason for it`);
  return {
    name,
    path: built,
    ...ceiling,
    modifyEsbuildConfig: (/** @type {object} */ config) => ({
      ...config,
      format: "esm",
      platform: "node",
      target: "node22",
      logOverride: { "ignored-bare-import": "silent" },
      external: [
        ...Object.keys(manifest.peerDependencies ?? {}),
        ...(manifest.name === CORE ? [] : [CORE, `${CORE}/*`]),
      ],
    }),
  };
});

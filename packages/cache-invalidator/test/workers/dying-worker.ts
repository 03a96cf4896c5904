// Invalidates and is killed in between: see audit.redis.test.ts.

import { createCache } from "@crm/cache-core";
import { redisStore } from "@crm/cache-core/redis";
import { serveWorker } from "@crm/testkit";
import { createCacheInvalidator } from "../../src/index.ts";
import { tableRules } from "../support/rules.ts";

/** Where the store is: options of `redisStore`. */
const [target = "{}", namespace = ""] = process.argv.slice(2);
const cache = createCache({
  store: redisStore({ ...JSON.parse(target), commandTimeout: "2s", invalidationTimeout: "5s" }),
  namespace,
});
const invalidator = createCacheInvalidator(cache, { rules: tableRules });

serveWorker({
  /** Goes on until it is killed; says what was acknowledged on its standard output. */
  run() {
    void (async () => {
      for (let id = 0; ; id++) {
        await invalidator.invalidateOnUpdate("companies", id, undefined, { actor: `worker-${process.pid}` });
        process.stdout.write(`${id}\n`);
      }
    })();
  },
  /** Ends at once when the invalidation has been applied, before its outcome is on record. */
  async dieBetween() {
    invalidator.registerRule("companies", {
      patterns: ["companies:*"],
      customHandler: () => process.kill(process.pid, "SIGKILL"),
    });
    await invalidator.invalidateOnUpdate("companies", "last words");
  },
});

// A process that starts while Redis is sick.

import { serveWorker } from "@crm/testkit";
import { createCache } from "../../src/index.ts";
import { redisStore } from "../../src/redis/index.ts";
import { coldReads, settleAll, until } from "./load.ts";

const rejections: string[] = [];
process.on("unhandledRejection", (reason) => rejections.push(String(reason)));
process.on("uncaughtException", (error) => rejections.push(String(error)));

const [url] = process.argv.slice(2);

serveWorker({
  async coldReads() {
    cache = createCache({ store: redisStore({ url }), namespace: "p4", memory: true });
    const sequential = await coldReads(cache, { calls: 200, parallel: 1, label: "fresh:a", fetchMs: 2 });
    const concurrent = await coldReads(cache, { calls: 400, parallel: 50, label: "fresh:b", fetchMs: 10 });
    const sameKey = await coldReads(cache, {
      calls: 400,
      parallel: 50,
      label: "fresh:c",
      sameKey: true,
      fetchMs: 10,
    });
    return {
      sequential: sequential.overheads,
      concurrent: concurrent.overheads,
      sameKey: sameKey.overheads,
      ends: await settleAll(cache, "fresh"),
    };
  },
  backAfter: () => until(async () => await cache!.set("back", "back", "5s"), 15_000),
  rejections: () => rejections,
});

let cache: ReturnType<typeof createCache> | undefined;

import { silentLogger } from "@crm/cache-core";
import { provideCacheSettings } from "../../src/cache/settings.ts";

/** The CRM without its server: database, data, cache. To be called before anything imports the composition root. */
export async function startGuide(): Promise<{ reset(): Promise<void>; close(): Promise<void> }> {
  provideCacheSettings({ env: process.env, logger: silentLogger, invalidation: "dependencies" });
  const { cache, closeCache } = await import("../../src/cache/index.ts");
  const { connect } = await import("../../src/db/connect.ts");
  const { importCrm } = await import("../../src/db/import-crm.ts");
  const { generateWork } = await import("../../src/db/generate-work.ts");
  const connection = await connect();
  await importCrm({ folder: new URL("../../data/crm", import.meta.url).pathname });
  await generateWork();
  return {
    reset: async () => {
      await cache.clear();
    },
    async close() {
      await closeCache();
      await connection.close();
    },
  };
}

/** What a service answered, when it did. */
export function dataOf<T>(response: { success: true; data: T } | { success: false }): T {
  if (!response.success) throw new Error(`The service refused: ${JSON.stringify(response)}`);
  return response.data;
}

/** Of so many runs, in ms: the middle one. */
export async function median(runs: number, work: () => Promise<unknown>): Promise<number> {
  const took: number[] = [];
  for (let run = 0; run < runs; run++) {
    const startedAt = performance.now();
    await work();
    took.push(performance.now() - startedAt);
  }
  return took.sort((a, b) => a - b)[Math.floor(runs / 2)] as number;
}

/** Replaces a method until the returned function is called. */
export function replace<O extends object, K extends keyof O>(object: O, name: K, by: O[K]): () => void {
  const original = object[name];
  object[name] = by;
  return () => {
    object[name] = original;
  };
}

import { type Logger, silentLogger } from "@crm/cache-core";

/** What the composition root is made from. */
export interface CacheSettings {
  /** `REDIS_URL`, or `REDIS_HOST`, `REDIS_PORT`, …; with none of them the embedded memory store. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
}

let settings: CacheSettings | undefined;

/** Called by `main.ts`, and by tests, before anything imports `./index.ts`. */
export function provideCacheSettings(provided: CacheSettings): void {
  settings = provided;
}

// A script that imports `./cache` on its own, without the demo's `main.ts`, is configured by the environment as well.
export const cacheSettings = (): CacheSettings => settings ?? { env: process.env, logger: silentLogger };

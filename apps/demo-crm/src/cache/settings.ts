import { type Logger, silentLogger } from "@crm/cache-core";

/** What the composition root is made from. */
export interface CacheSettings {
  /** `REDIS_URL`, or `REDIS_HOST`, `REDIS_PORT`, …; with none of them the embedded memory store. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
  /**
   * What a change of an entity removes. `rules`: what the table of predefined rules says, by type of entity, and whatever was
   * recorded to depend on the entity. `dependencies`: only what was recorded, and what the rules say of the one user that
   * changed. The second keeps far more; it can be used where every cached value is read through queries that record what
   * they touch, as those of this app do. @default "rules"
   */
  readonly invalidation?: "rules" | "dependencies" | undefined;
}

let settings: CacheSettings | undefined;

/** Called by `main.ts`, and by tests, before anything imports `./index.ts`. */
export function provideCacheSettings(provided: CacheSettings): void {
  settings = provided;
}

// A script that imports `./cache` on its own, without the demo's `main.ts`, is configured by the environment as well.
export const cacheSettings = (): CacheSettings => settings ?? { env: process.env, logger: silentLogger };

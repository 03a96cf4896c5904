import type { EventNames } from "./typed-emitter.ts";

/** Every event with its payload. Names are `noun:verb`; keys are the caller's. */
export interface CacheEvents {
  "entry:hit": { readonly key: string; readonly tier: "memory" | "store"; readonly stale: boolean };
  "entry:miss": { readonly key: string };
  "entry:set": { readonly key: string };
  /** Bytes that this library did not write, of another type, damaged, or of another schema: treated as a miss. */
  "entry:rejected": { readonly key: string; readonly reason: "foreign" | "damaged" | "schema" | "codec" };
  /** A session of which the same is so: it counts as none. */
  "session:rejected": { readonly reason: "foreign" | "damaged" | "codec" };
  /** One for each call of a fetcher; for that of a batch, `key` is the first of its keys. */
  "fetch:start": { readonly key: string; readonly background: boolean };
  "fetch:end": { readonly key: string; readonly background: boolean; readonly durationMs: number };
  "fetch:error": {
    readonly key: string;
    readonly background: boolean;
    readonly error: unknown;
    readonly durationMs: number;
  };
  /** A caller waits for a fetch of this process or of another. */
  "fetch:join": { readonly key: string; readonly where: "process" | "store" };
  "fill:stored": { readonly key: string };
  /** The fill was refused: the key was invalidated, set, or its lease was lost while the fetch ran. */
  "fill:revoked": { readonly key: string };
  "invalidation:applied": InvalidationEventPayload & {
    readonly removed: number;
    readonly durationMs: number;
  };
  /** The invalidation could not be applied; it is kept and retried. */
  "invalidation:pending": InvalidationEventPayload & { readonly error: unknown };
  "tier:flush": { readonly reason: string };
  "store:down": { readonly reason: string };
  "store:up": { readonly downMs: number };
  "store:warning": { readonly code: string; readonly message: string };
  /** Something in the background failed and nobody was waiting for it. */
  "background:error": { readonly where: string; readonly error: unknown };
}

/** The names of the events, for who calls from JavaScript. */
export const EVENT_NAMES: EventNames<CacheEvents> = {
  "entry:hit": true,
  "entry:miss": true,
  "entry:set": true,
  "entry:rejected": true,
  "session:rejected": true,
  "fetch:start": true,
  "fetch:end": true,
  "fetch:error": true,
  "fetch:join": true,
  "fill:stored": true,
  "fill:revoked": true,
  "invalidation:applied": true,
  "invalidation:pending": true,
  "tier:flush": true,
  "store:down": true,
  "store:up": true,
  "store:warning": true,
  "background:error": true,
};

/** What an invalidation named, in the caller's words. */
export interface InvalidationEventPayload {
  readonly keys: readonly string[];
  readonly tags: readonly string[];
  readonly patterns: readonly string[];
  readonly soft: boolean;
  /** What `internals.invalidate` was given to be put on record. */
  readonly record?: object | undefined;
}

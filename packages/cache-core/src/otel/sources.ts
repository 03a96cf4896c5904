/** What is listened to of locks, as `createLocks` of `@crm/cache-lock` makes them. */
export interface LockEventSource {
  on(event: "lock:acquired", handler: (payload: { readonly waitedMs: number }) => void): () => void;
  on(event: "lock:released", handler: (payload: { readonly heldMs: number }) => void): () => void;
  on(event: "lock:lost", handler: (payload: { readonly reason: string }) => void): () => void;
  on(event: "lock:renewal-failed" | "lock:release-failed", handler: () => void): () => void;
}

/** What is asked of a limiter, as `createRateLimiter` of `@crm/cache-ratelimit` makes one. */
export interface LimitFigures {
  readonly name: string;
  getStats(): {
    readonly allowed: number;
    readonly denied: number;
    readonly deniedFromMemory: number;
    readonly decidedByPolicy: number;
  };
}

/** One library (or hand-written limit) behind the few calls that the scenarios make. */
export interface Contender {
  /** What a reader must know to judge the row. */
  readonly note: string;
  open(options: OpenOptions): Promise<OpenCache>;
}

export interface OpenOptions {
  /** Port of the run's own redis-server on 127.0.0.1. */
  readonly port: number;
  /** Whether the in-process tier is on. */
  readonly memory: boolean;
  /** Whether entries will be written with tags; some libraries want to be told. */
  readonly tags: boolean;
}

export type FetchRecord = (key: string) => Promise<unknown>;

/** A contender that is ready for calls. What it cannot do is absent; a scenario names only calls that exist. */
export interface OpenCache {
  /** `null` or `undefined` is a miss. Synchronous only where the library is. */
  get?(key: string): unknown;
  getOrSet?(key: string, fetcher: FetchRecord, tags?: readonly string[]): Promise<unknown>;
  set(key: string, value: unknown, tags?: readonly string[]): Promise<unknown>;
  /** Many at once, for loading; resolves to `false` when not all were stored. */
  setMany?(entries: readonly Entry[]): Promise<unknown>;
  del?(key: string): Promise<unknown>;
  getMany?(keys: readonly string[]): Promise<readonly unknown[]>;
  getOrSetMany?(keys: readonly string[], fetcher: FetchRecord): Promise<readonly unknown[]>;
  invalidateByTag?(tag: string): Promise<unknown>;
  invalidatePattern?(glob: string): Promise<unknown>;
  /** Spends one of 10^9 under `limits` limits of an hour. Resolves to whether it was allowed. */
  limit?(key: string, limits: number): Promise<boolean>;
  /** Under one limit of an hour, by what four limits are asked of. */
  limitByRule?(key: string): Promise<boolean>;
  /** The same by GCRA, or what comes closest to it. */
  limitSmoothly?(key: string): Promise<boolean>;
  /** Asks for a subject that was refused and will be for an hour. */
  denied?(): Promise<boolean>;
  /** Waits for a lock; resolves to what gives it back. */
  acquireLock?(name: string): Promise<() => Promise<unknown>>;
  close(): Promise<void>;
}

export interface Entry {
  readonly key: string;
  readonly value: unknown;
  readonly tags: readonly string[];
}

/** No entry may expire during a run. */
export const TTL_SECONDS = 3600;

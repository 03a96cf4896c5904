import type { AtomicOperation } from "../../src/atomic-operation.ts";
import type { Cache } from "../../src/cache.ts";
import type { Clock } from "../../src/clock.ts";
import { createCache } from "../../src/create-cache.ts";
import type { FetchContext } from "../../src/fetcher.ts";
import { memoryStore } from "../../src/memory-store.ts";
import type { GetOrSetOptions } from "../../src/options.ts";
import type { Store } from "../../src/store.ts";

export const READS = ["getOrSet", "stale", "early", "force", "lease", "many", "get", "naive"] as const;
export const WRITES = ["del", "tag", "pattern", "clear", "set", "setMany"] as const;
/** What the fetcher makes of the row: it may give `null` or nothing, fail, or ask that the value is not stored. */
export const ROWS = ["value", "null", "cached null", "undefined", "throws", "skips"] as const;

export interface ReaderActor {
  readonly cache: number;
  readonly read: (typeof READS)[number];
  readonly times: number;
}
export interface WriterActor {
  readonly cache: number;
  readonly write: (typeof WRITES)[number];
  readonly times: number;
}
/** A small program: some actors, each with a cache instance (a process) of one store. */
export interface Program {
  readonly rows: (typeof ROWS)[number];
  readonly tagged: "upfront" | "in the fetcher";
  readonly before: "empty" | "fresh" | "stale";
  /** Whether nothing was found for so long that readers ask for the lease without a look. */
  readonly cold: boolean;
  /** The version of the row before anybody writes. */
  readonly first: number;
  readonly caches: number;
  readonly readers: readonly ReaderActor[];
  readonly writers: readonly WriterActor[];
  /** Time may jump past the liveness of leases while something waits. */
  readonly stalls: boolean;
  /** Whether what the store has done is known to its caller at once, or some steps later, as through a network. */
  readonly replies: "at once" | "later";
}

/** Decides what happens next: a number below `count`. */
export type Choose = (count: number) => number;

type Row = { readonly version: number } | null | undefined;

class RowError extends Error {
  readonly version: number;
  constructor(version: number) {
    super(`row at version ${version}`);
    this.version = version;
  }
}

const KEY = "rows:1";
const TAG = "rows";
const LIVENESS_MS = 3_000;
const MAX_STEPS = 3_000;

/** Reads the names that the store holds, for the check at the end. */
const inspect: AtomicOperation = {
  name: "inspect",
  lua: "return redis.error_reply('memory only')",
  run(database, keys, args) {
    const [index, tagSet] = keys as [string, string];
    return [
      database.zrangebylex(index, "-", "+").map((member) => Buffer.from(member)),
      database.smembers(tagSet).map((member) => Buffer.from(member)),
      args.length,
    ];
  },
};

/** Time that passes a little with every step, and more when the schedule says so. */
class ScheduledClock implements Clock {
  nowMs = 1_000;
  readonly #timers: { readonly dueMs: number; readonly callback: () => void }[] = [];

  monotonic(): number {
    return this.nowMs;
  }
  wall(): number {
    return 1_767_225_600_000 + this.nowMs;
  }
  after(delayMs: number, callback: () => void): () => void {
    const timer = { dueMs: this.nowMs + Math.max(1, delayMs), callback };
    this.#timers.push(timer);
    return () => {
      const at = this.#timers.indexOf(timer);
      if (at !== -1) this.#timers.splice(at, 1);
    };
  }
  /** When the next timer is due. */
  get nextMs(): number | undefined {
    let next: number | undefined;
    for (const { dueMs } of this.#timers) if (next === undefined || dueMs < next) next = dueMs;
    return next;
  }
  advanceTo(ms: number): void {
    this.nowMs = Math.max(this.nowMs, ms);
    for (;;) {
      const at = this.#timers.findIndex(({ dueMs }) => dueMs <= this.nowMs);
      if (at === -1) return;
      const [timer] = this.#timers.splice(at, 1);
      timer?.callback();
    }
  }
}

/** One execution of a program under one schedule. */
export class Run {
  readonly program: Program;
  readonly trace: number[] = [];
  readonly choices: number[] = [];
  readonly problems: string[] = [];
  readonly #choose: Choose;
  readonly #clock = new ScheduledClock();
  readonly #store: Store;
  readonly #caches: Cache[];
  #pending: (() => void)[] = [];
  #unsettled = 0;
  #version: number;
  #floor: number;
  #free = true;
  #quiet = 0;
  #steps = 0;
  #stalled = 0;
  #started = false;
  #finished = false;

  constructor(program: Program, choose: Choose) {
    this.program = program;
    this.#choose = choose;
    this.#version = program.first;
    this.#floor = program.first;
    const clock = this.#clock;
    const store = memoryStore({ clock, random: () => 0.5, turn: () => this.#turn() });
    this.#store = program.replies === "later" ? this.#distant(store) : store;
    this.#caches = Array.from({ length: program.caches }, () =>
      createCache({ store: this.#store, namespace: "x", clock, random: () => 0.9 }),
    );
  }

  /** Called when nothing can go on by itself. Returns whether the run needs to be called again. */
  step(): boolean {
    if (!this.#started) {
      this.#started = true;
      void this.#begin();
      return true;
    }
    if (this.#free) return !this.#finished;
    this.#clock.nowMs += 0.013;
    const count = this.#pending.length;
    if (count === 0) {
      if (this.#unsettled === 0) {
        // Twice, in case that a wake-up is still on its way.
        if (++this.#quiet < 2) return true;
        this.#free = true;
        void this.#finish().then(() => {
          this.#finished = true;
        });
        return true;
      }
      const next = this.#clock.nextMs;
      if (next === undefined || ++this.#steps > MAX_STEPS) return this.#abandon("a caller does not settle");
      this.#clock.advanceTo(next);
      return true;
    }
    this.#quiet = 0;
    if (++this.#steps > MAX_STEPS) return this.#abandon("no end");
    // The first choice, where there is one, lets time pass; the others are steps, the latest last.
    const jump = this.program.stalls && this.#stalled < 1 ? 1 : 0;
    const at = count + jump === 1 ? 0 : this.#choose(count + jump);
    if (count + jump > 1) {
      this.trace.push(at);
      this.choices.push(count + jump);
    }
    if (at < jump) {
      this.#stalled++;
      this.#clock.advanceTo(this.#clock.nowMs + LIVENESS_MS + 1);
      return true;
    }
    const [go] = this.#pending.splice(at - jump, 1);
    go?.();
    return true;
  }

  #abandon(problem: string): false {
    this.problems.push(problem);
    this.#finished = true;
    return false;
  }

  /** The store at the other end of a network: what it has done is known to the caller some steps later. */
  #distant(store: Store): Store {
    const known = async <T>(answer: Promise<T>): Promise<T> => {
      try {
        return await answer;
      } finally {
        await this.#turn();
      }
    };
    return {
      ...store,
      get: (key) => known(store.get(key)),
      getMany: (keys) => known(store.getMany(keys)),
      run: (operation, keys, args, options) => known(store.run(operation, keys, args, options)),
    };
  }

  /** A place where the scheduler may let others go first. */
  #turn(): Promise<void> {
    if (this.#free) return Promise.resolve();
    return new Promise((resolve) => this.#pending.push(resolve));
  }

  async #begin(): Promise<void> {
    const { before, cold, readers, writers } = this.program;
    const first = this.#caches[0] as Cache;
    if (cold) await Promise.all(this.#caches.map(missMuch));
    if (before !== "empty") {
      const row = this.#mayBeNull && isGone(this.#version) ? null : { version: this.#version };
      await first.set(KEY, row, { ttl: before === "fresh" ? 30 : "1ms", staleTtl: 30, tags: [TAG] });
      if (before === "stale") this.#clock.nowMs += 2;
    }
    this.#free = false;
    for (const actor of readers) this.#play(() => this.#reader(actor));
    for (const actor of writers) this.#play(() => this.#writer(actor));
  }

  #play(actor: () => Promise<void>): void {
    this.#unsettled++;
    actor().then(
      () => this.#unsettled--,
      (error) => {
        this.#unsettled--;
        this.problems.push(`an actor failed: ${String(error)}`);
      },
    );
  }

  async #writer({ cache: at, write, times }: WriterActor): Promise<void> {
    const cache = this.#caches[at] as Cache;
    for (let n = 0; n < times; n++) {
      await this.#turn();
      const version = ++this.#version;
      await this.#turn();
      if (write === "del") await cache.del(KEY);
      else if (write === "tag") await cache.invalidateByTag(TAG);
      else if (write === "pattern") await cache.invalidatePattern("rows:*");
      else if (write === "clear") await cache.clear();
      else if (write === "set") await cache.set(KEY, { version }, { ttl: 30, tags: [TAG] });
      else await cache.setMany([{ key: KEY, value: { version }, ttl: 30, tags: [TAG] }]);
      this.#floor = Math.max(this.#floor, version);
    }
  }

  async #reader({ cache: at, read, times }: ReaderActor): Promise<void> {
    const cache = this.#caches[at] as Cache;
    for (let n = 0; n < times; n++) {
      await this.#turn();
      const floor = this.#floor;
      try {
        const row = await this.#read(cache, read);
        if (row !== MISS) this.#check(`cache ${at} ${read}`, row as Row, floor);
      } catch (error) {
        if (!(error instanceof RowError)) throw error;
        if (error.version < floor && this.#demandsErrors) {
          this.problems.push(
            `cache ${at} ${read}: an error of version ${error.version}, acknowledged was ${floor}`,
          );
        }
      }
    }
  }

  get #mayBeNull(): boolean {
    return this.program.rows.endsWith("null") || this.program.rows === "undefined";
  }

  /** What a fetcher that fails has said about tags is not known. */
  get #demandsErrors(): boolean {
    return this.program.tagged === "upfront" || !this.program.writers.some(({ write }) => write === "tag");
  }

  async #read(cache: Cache, read: ReaderActor["read"]): Promise<unknown> {
    const upfront = this.program.tagged === "upfront";
    const fetcher = (context: FetchContext<Row>): Promise<Row> => {
      if (!upfront) context.addTags(TAG);
      return this.#fetch(() => context.skipStore());
    };
    const options: GetOrSetOptions<Row> = {
      ttl: 30,
      ...(upfront ? { tags: [TAG] } : {}),
      ...(this.program.rows === "cached null" ? { nullTtl: 30 } : {}),
    };
    switch (read) {
      case "getOrSet":
        return cache.getOrSet(KEY, fetcher, options);
      case "stale":
        return cache.getOrSet(KEY, fetcher, { ...options, ttl: "1ms", staleTtl: 30 });
      case "early":
        return cache.getOrSet(KEY, fetcher, { ...options, earlyRefresh: 100, ttl: "200ms" });
      case "force":
        return cache.getOrSet(KEY, fetcher, { ...options, forceRefresh: true });
      case "many": {
        if (this.program.rows === "throws" || this.program.rows === "skips") return MISS;
        const rows = await cache.getOrSetMany<Row>(
          [KEY, "rows:2"],
          async (keys) => {
            const row = await this.#fetch(() => {});
            return keys.map((key) => (key === KEY ? row : { version: 0 }));
          },
          { ...options, tags: [TAG] },
        );
        return rows[0];
      }
      case "lease": {
        const lease = await cache.lease<Row>(KEY);
        if (lease.value !== undefined) return lease.value;
        let row: Row;
        try {
          row = await this.#fetch(() => {});
        } catch (error) {
          await lease.release();
          throw error;
        }
        if (row === undefined || row === null) await lease.release();
        else await lease.fill(row, { ttl: 30, tags: [TAG] });
        return row;
      }
      case "get": {
        const found = await cache.lookup<Row>(KEY);
        return found === undefined ? MISS : found.value;
      }
      case "naive": {
        const found = await cache.lookup<Row>(KEY);
        if (found !== undefined) return found.value;
        const row = await this.#fetch(() => {});
        if (row !== undefined) await cache.set(KEY, row, { ttl: 30, tags: [TAG] });
        return row;
      }
    }
  }

  async #fetch(skip: () => void): Promise<Row> {
    await this.#turn();
    const version = this.#version;
    await this.#turn();
    switch (this.program.rows) {
      case "value":
        return { version };
      case "null":
      case "cached null":
        return isGone(version) ? null : { version };
      case "undefined":
        return isGone(version) ? undefined : { version };
      case "throws":
        if (isGone(version)) throw new RowError(version);
        return { version };
      case "skips":
        if (isGone(version)) skip();
        return { version };
    }
  }

  /** Whether a row could have been read at a moment when its version lay between what was acknowledged and now. */
  #check(how: string, row: Row, floor: number): void {
    const found = row?.version;
    if (found !== undefined) {
      if (found < floor) this.problems.push(`${how}: version ${found}, acknowledged was ${floor}`);
      return;
    }
    if (this.#mayBeNull) {
      for (let version = floor; version <= this.#version; version++) if (isGone(version)) return;
    }
    this.problems.push(`${how}: ${row}, acknowledged was ${floor}, now ${this.#version}`);
  }

  /** Everything has settled: what is left in the store? */
  async #finish(): Promise<void> {
    const store = this.#store;
    const { keys } = (this.#caches[0] as Cache).internals;
    const names: string[] = [];
    for await (const page of store.scan("x:1")) names.push(...page);
    const entryPrefix = keys.entryPrefix(0);
    if (names.includes(keys.leases(0))) this.problems.push("leases are left");
    const live = names
      .filter((name) => name.startsWith(entryPrefix))
      .map((name) => name.slice(entryPrefix.length));
    const reply = await store.run(inspect, [keys.index(0), `${keys.base}t:${TAG}`], []);
    const [members, tagged] = (reply as Buffer[][]).map((list) =>
      Array.isArray(list) ? list.map(String) : [],
    ) as [string[], string[]];
    for (const key of live) {
      if (!members.includes(key)) this.problems.push(`${key} is not in the index`);
      if (!tagged.includes(key)) this.problems.push(`${key} is not in its tag`);
    }
    if (this.#stalled === 0) {
      for (const member of members) {
        const kind = member.charCodeAt(0);
        if (kind === 4 || (kind > 31 && !live.includes(member)))
          this.problems.push(`the index still has ${member}`);
      }
      for (const key of tagged) if (!live.includes(key)) this.problems.push(`the tag still has ${key}`);
    }
    const bytes = await (this.#caches[0] as Cache).lookup<Row>(KEY);
    if (bytes !== undefined) this.#check("left", bytes.value as Row, this.#floor);
  }
}

const MISS = Symbol("miss");

/** Looks for more than `lookups.ts` needs to give up looking, and leaves nothing behind. */
function missMuch(cache: Cache): Promise<unknown> {
  return Promise.all(
    Array.from({ length: 32 }, (_, i) => cache.getOrSet(`missing:${i}`, () => undefined, 30)),
  );
}

/** At every third version the row is gone. */
function isGone(version: number): boolean {
  return version % 3 === 2;
}

/** Runs many at a time: in each turn of the event loop every one makes a step. Calls back with each that has ended. */
export async function drive(
  next: () => Run | undefined,
  ended: (run: Run) => void,
  width = 48,
): Promise<void> {
  let active: Run[] = [];
  for (;;) {
    while (active.length < width) {
      const run = next();
      if (run === undefined) break;
      active.push(run);
    }
    if (active.length === 0) return;
    const still: Run[] = [];
    for (const run of active) {
      if (run.step()) still.push(run);
      else ended(run);
    }
    active = still;
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

import {
  type BatchFetcher,
  checkKey,
  checkOptionNames,
  InvalidFetcherError,
  InvalidOptionError,
  type OptionNames,
  parseDuration,
} from "@crm/cache-core";
import { DependencyCycleError } from "../errors.ts";
import { checkRetries } from "../options.ts";
import type { WarmingFamily, WarmingSettings, WarmingTask } from "../warming-task.ts";
import { checkEntry } from "./check-entry.ts";
import {
  NOTHING_SPECIAL,
  pastOf,
  type SpecialSettings,
  settledAtOf,
  type TaskRecord,
} from "./task-record.ts";

const NONE: readonly string[] = NOTHING_SPECIAL.dependsOn;
const MAX_DEPENDENCIES = 256;
/** Forgotten tasks of which it is known when they were settled. */
const MAX_FORGOTTEN = 10_000;
const SETTINGS: OptionNames<WarmingSettings> = {
  ...{
    ttl: true,
    priority: true,
    category: true,
    dependsOn: true,
    timeout: true,
    retries: true,
    entry: true,
  },
};
const TASK: OptionNames<WarmingTask> = { key: true, fetcher: true, ...SETTINGS };
const FAMILY: OptionNames<WarmingFamily> = {
  ...{ name: true, keys: true, batchFetcher: true, batchSize: true },
  ...SETTINGS,
};

/** The registered tasks, by name and by priority. */
export class TaskBook {
  readonly #records = new Map<string, TaskRecord>();
  /** What the expiry index is to ask about, each once; some may be forgotten since. */
  #doubted: TaskRecord[] = [];
  /** When tasks that were forgotten had been settled: what this instance did for one is no news to its successor. */
  readonly #settled = new Map<string, number>();

  get size(): number {
    return this.#records.size;
  }

  get(name: string): TaskRecord | undefined {
    return this.#records.get(name);
  }

  /** Returns whether its name was registered before. @throws DependencyCycleError */
  add(record: TaskRecord): boolean {
    if (isDependent(record)) this.#refuseCycles([record], [record]);
    const isReplaced = this.#put(record);
    this.#doubted.push(record);
    this.#trimDoubted();
    return isReplaced;
  }

  /** All or none; the array is the book's from now on. Returns the names that were registered before. @throws DependencyCycleError */
  addAll(records: TaskRecord[]): string[] {
    const dependent = records.filter(isDependent);
    if (dependent.length > 0) this.#refuseCycles(records, dependent);
    const replaced: string[] = [];
    for (let n = 0; n < records.length; n++) {
      const record = records[n] as TaskRecord;
      if (this.#put(record)) replaced.push(record.name);
    }
    this.#doubted = this.#doubted.length === 0 ? records : this.#doubted.concat(records);
    this.#trimDoubted();
    return replaced;
  }

  #put(record: TaskRecord): boolean {
    const { name } = record;
    const previous = this.#records.get(name);
    if (previous !== undefined) {
      this.#forget(previous);
      pastOf(previous).successor = record;
    }
    if (this.#settled.size > 0) this.#remember(record);
    this.#records.set(name, record);
    return previous !== undefined;
  }

  /** When its entry expires has to be asked, or asked again. */
  doubt(record: TaskRecord): void {
    record.indexed = false;
    if (record.doubted) return;
    record.doubted = true;
    this.#doubted.push(record);
    this.#trimDoubted();
  }

  #trimDoubted(): void {
    // Tasks that are registered again and again leave their former selves here.
    if (this.#doubted.length <= 64 + 2 * this.#records.size) return;
    this.#doubted = this.#doubted.filter(({ name }, at) => this.#records.get(name) === this.#doubted[at]);
  }

  /** The tasks to be asked about, which are not families. From now on they are in no doubt. */
  takeDoubted(): TaskRecord[] {
    const taken = this.#doubted;
    this.#doubted = [];
    for (const record of taken) record.doubted = false;
    return taken.filter(
      (record) =>
        this.#records.get(record.name) === record && record.fetcher !== undefined && !record.indexed,
    );
  }

  remove(name: string): TaskRecord | undefined {
    const record = this.#records.get(name);
    if (record !== undefined) this.#forget(record);
    return record;
  }

  /** Highest priority first, then in the order of registration. */
  sorted(category?: string): TaskRecord[] {
    const buckets: TaskRecord[][] = Array.from({ length: 11 }, () => []);
    for (const record of this.#records.values()) {
      if (category === undefined || record.category === category) buckets[record.priority]?.push(record);
    }
    return buckets.reverse().flat();
  }

  /** Names that tasks wait for and nobody has registered, at most 100. */
  unknownDependencies(records: readonly TaskRecord[]): string[] {
    const unknown = new Set<string>();
    for (const { special } of records) {
      // Most have none: one look, and no iterator for each.
      if (special === NOTHING_SPECIAL) continue;
      for (const name of special.dependsOn) if (!this.#records.has(name)) unknown.add(name);
      if (unknown.size >= 100) break;
    }
    return [...unknown];
  }

  countByCategory(): Record<string, number> {
    const counts = new Map<string, number>();
    // Asked for now and then: cheaper than to keep count of ten thousand registrations.
    for (const { category } of this.#records.values()) counts.set(category, (counts.get(category) ?? 0) + 1);
    return Object.fromEntries(counts);
  }

  #forget(record: TaskRecord): void {
    this.#records.delete(record.name);
    const settledAt = settledAtOf(record);
    if (settledAt >= 0) {
      if (this.#settled.size >= MAX_FORGOTTEN)
        this.#settled.delete(this.#settled.keys().next().value as string);
      this.#settled.set(record.name, settledAt);
    }
    // So that the expiry index drops it.
    record.indexed = false;
  }

  #remember(record: TaskRecord): void {
    const settledAt = this.#settled.get(record.name);
    if (settledAt === undefined) return;
    pastOf(record).settledAt = settledAt;
    this.#settled.delete(record.name);
  }

  #refuseCycles(added: readonly TaskRecord[], dependent: readonly TaskRecord[]): void {
    const fresh = new Map(added.map((record) => [record.name, record]));
    const dependenciesOf = (name: string): readonly string[] =>
      (fresh.get(name) ?? this.#records.get(name))?.special.dependsOn ?? NONE;
    const done = new Set<string>();
    for (const { name: start } of dependent) {
      // Depth first without recursion: a chain may be as long as the list of tasks.
      const path: { readonly name: string; next: number }[] = [{ name: start, next: 0 }];
      const onPath = new Set([start]);
      while (path.length > 0) {
        const top = path[path.length - 1] as { readonly name: string; next: number };
        const next = dependenciesOf(top.name)[top.next++];
        if (next === undefined) {
          path.pop();
          onPath.delete(top.name);
          done.add(top.name);
        } else if (onPath.has(next)) {
          const names = path.map(({ name }) => name);
          throw new DependencyCycleError([...names.slice(names.indexOf(next)), next]);
        } else if (!done.has(next)) {
          path.push({ name: next, next: 0 });
          onPath.add(next);
        }
      }
    }
  }
}

/** @throws InvalidKeyError, InvalidFetcherError, InvalidDurationError, InvalidOptionError */
export function checkTask(task: WarmingTask): TaskRecord {
  if (typeof task !== "object" || task === null) {
    throw new InvalidOptionError({
      option: "task",
      received: task,
      expected: "an object with `key` and `fetcher`",
    });
  }
  checkOptionNames(task, TASK);
  const name = checkKey(task.key);
  const { fetcher } = task;
  if (typeof fetcher !== "function") throw new InvalidFetcherError({ received: fetcher });
  return makeRecord(name, task, fetcher, undefined);
}

/** @throws InvalidKeyError, InvalidFetcherError, InvalidDurationError, InvalidOptionError */
export function checkFamily(family: WarmingFamily): TaskRecord {
  if (typeof family !== "object" || family === null) {
    const expected = "an object with `name`, `keys` and `batchFetcher`";
    throw new InvalidOptionError({ option: "family", received: family, expected });
  }
  checkOptionNames(family, FAMILY);
  const { keys, batchFetcher, batchSize = 100 } = family;
  const name = checkKey(family.name, "name");
  if (typeof keys !== "function") throw new InvalidFetcherError({ received: keys, parameter: "keys" });
  if (typeof batchFetcher !== "function") {
    throw new InvalidFetcherError({ received: batchFetcher, parameter: "batchFetcher" });
  }
  if (!Number.isInteger(batchSize) || batchSize < 1 || batchSize > 1_000) {
    const expected = "a whole number from 1 to 1000";
    throw new InvalidOptionError({ option: "batchSize", received: batchSize, expected });
  }
  const parts = { keys, batchFetcher: batchFetcher as BatchFetcher<unknown>, batchSize };
  return makeRecord(name, family, undefined, parts);
}

function isDependent(record: TaskRecord): boolean {
  return record.special.dependsOn.length > 0;
}

/** One literal, in one place: ten thousand of them are registered in milliseconds. */
function makeRecord(
  name: string,
  settings: WarmingSettings,
  fetcher: TaskRecord["fetcher"],
  family: SpecialSettings["family"],
): TaskRecord {
  const { ttl, priority = 5, category = "default", dependsOn, timeout, retries, entry } = settings;
  if (!Number.isInteger(priority) || priority < 1 || priority > 10) {
    const expected = "a whole number from 1 to 10, 10 being loaded first";
    throw new InvalidOptionError({ option: "priority", received: priority, expected });
  }
  const isUsual =
    dependsOn === undefined &&
    timeout === undefined &&
    retries === undefined &&
    entry === undefined &&
    family === undefined;
  return {
    name,
    fetcher,
    category: checkCategory(category),
    priority,
    ttlMs: ttl === undefined ? undefined : parseDuration(ttl, "ttl"),
    special: isUsual
      ? NOTHING_SPECIAL
      : {
          dependsOn: dependsOn === undefined ? NONE : checkDependencies(dependsOn),
          timeoutMs: timeout === undefined ? undefined : parseDuration(timeout, "timeout"),
          retries: retries === undefined ? undefined : checkRetries(retries),
          entry: entry === undefined ? undefined : checkEntry(entry),
          family,
        },
    indexed: false,
    // The book asks about each that is added.
    doubted: true,
    past: undefined,
  };
}

/** @throws InvalidOptionError */
export function checkCategory(category: unknown): string {
  if (typeof category === "string" && category !== "" && category.length <= 128) {
    // The rules of a key, in fewer bytes. A code unit takes three at most.
    if (3 * category.length <= 128 || Buffer.byteLength(category) <= 128)
      return checkKey(category, "category");
  }
  const expected = "a string of 1 to 128 bytes without control characters";
  throw new InvalidOptionError({ option: "category", received: category, expected });
}

function checkDependencies(dependsOn: unknown): readonly string[] {
  if (!Array.isArray(dependsOn) || dependsOn.length > MAX_DEPENDENCIES) {
    const expected = `an array of at most ${MAX_DEPENDENCIES} keys of tasks or names of families`;
    throw new InvalidOptionError({ option: "dependsOn", received: dependsOn, expected });
  }
  return [...new Set(dependsOn.map((name) => checkKey(name, "dependsOn")))];
}

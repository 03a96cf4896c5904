import { DependencyCycleError } from "../errors.ts";
import { DoubtedTasks } from "./doubted-tasks.ts";
import { pastOf, settledAtOf, type TaskRecord } from "./task-record.ts";

const NONE: readonly string[] = [];
/** Forgotten tasks of which it is known when they were settled. */
const MAX_FORGOTTEN = 10_000;

/** The registered tasks, by name and by priority. */
export class TaskBook {
  readonly #records = new Map<string, TaskRecord>();
  /** Some may be forgotten since. */
  readonly #doubted = new DoubtedTasks();
  /** When tasks that were forgotten had been settled: what this instance did for one is no news to its successor. */
  readonly #settled = new Map<string, number>();

  get size(): number {
    return this.#records.size;
  }

  /** Tasks in doubt, some of which may be forgotten. */
  get doubts(): number {
    return this.#doubted.size;
  }

  get(name: string): TaskRecord | undefined {
    return this.#records.get(name);
  }

  /** Returns whether its name was registered before. @throws DependencyCycleError */
  add(record: TaskRecord): boolean {
    if (isDependent(record)) this.#refuseCycles([record], [record]);
    return this.#put(record);
  }

  /** Adds `count` tasks, all or none. Returns the names that were registered before. Throws what `make` throws. @throws DependencyCycleError */
  addAll(count: number, make: (n: number) => TaskRecord): string[] {
    const isFirst = this.#records.size + this.#settled.size === 0;
    return isFirst ? this.#addFirst(count, make) : this.#addMore(count, make);
  }

  /** Into an empty book, which is easily emptied again: no list of what has been checked, and half as many look-ups. */
  #addFirst(count: number, make: (n: number) => TaskRecord): string[] {
    const records = this.#records;
    const replaced: string[] = [];
    let areDependent = false;
    try {
      for (let n = 0; n < count; n++) {
        const record = make(n);
        const { name } = record;
        records.set(name, record);
        if (records.size + replaced.length === n) {
          // So that it comes in its own turn.
          records.delete(name);
          records.set(name, record);
          replaced.push(name);
        }
        this.#doubted.add(record);
        if (isDependent(record)) areDependent = true;
      }
      if (areDependent) this.#refuseCycles([], [...records.values()].filter(isDependent));
    } catch (error) {
      records.clear();
      this.#doubted.take();
      throw error;
    }
    return replaced;
  }

  #addMore(count: number, make: (n: number) => TaskRecord): string[] {
    const records: TaskRecord[] = new Array(count);
    // By index: in a process that starts an iterator costs as much as the rest.
    for (let n = 0; n < count; n++) records[n] = make(n);
    if (records.some(isDependent)) this.#refuseCycles(records, records.filter(isDependent));
    const replaced: string[] = [];
    for (const record of records) if (this.#put(record)) replaced.push(record.name);
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
    this.#doubted.add(record);
    return previous !== undefined;
  }

  /** When its entry expires has to be asked, or asked again. */
  doubt(record: TaskRecord): void {
    record.indexed = false;
    this.#doubted.add(record);
  }

  #has(record: TaskRecord): boolean {
    return this.#records.get(record.name) === record;
  }

  #trimDoubted(): void {
    // Tasks that are registered again and again leave their former selves here.
    if (this.#doubted.size <= 64 + 2 * this.#records.size) return;
    for (const record of this.#doubted.take()) if (this.#has(record)) this.#doubted.add(record);
  }

  /** The tasks to be asked about, which are not families. From now on they are in no doubt. */
  takeDoubted(): TaskRecord[] {
    return this.#doubted
      .take()
      .filter((record) => this.#has(record) && record.fetcher !== undefined && !record.indexed);
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
      if (category === undefined || record.settings.category === category)
        buckets[record.settings.priority]?.push(record);
    }
    return buckets.reverse().flat();
  }

  /** Names that tasks wait for and nobody has registered, at most 100. */
  unknownDependencies(records: readonly TaskRecord[]): string[] {
    const unknown = new Set<string>();
    for (const { settings } of records) {
      // Most have none: one look, and no iterator for each.
      if (settings.dependsOn.length === 0) continue;
      for (const name of settings.dependsOn) if (!this.#records.has(name)) unknown.add(name);
      if (unknown.size >= 100) break;
    }
    return [...unknown];
  }

  countByCategory(): Record<string, number> {
    const counts = new Map<string, number>();
    // Asked for now and then: cheaper than to keep count of ten thousand registrations.
    for (const { settings } of this.#records.values()) {
      counts.set(settings.category, (counts.get(settings.category) ?? 0) + 1);
    }
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
    this.#trimDoubted();
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
      (fresh.get(name) ?? this.#records.get(name))?.settings.dependsOn ?? NONE;
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

function isDependent(record: TaskRecord): boolean {
  return record.settings.dependsOn.length > 0;
}

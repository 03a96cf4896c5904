import { CacheError } from "@crm/cache-core";

/** A name fit for a message: at most 80 characters, quoted, with controls escaped. */
function shown(name: string): string {
  const cut = [...name].slice(0, 80).join("");
  return JSON.stringify(cut.length < name.length ? `${cut}…` : cut);
}

function hasCode(value: unknown, code: string): boolean {
  return CacheError.isInstance(value) && value.code === code;
}

/** Tasks that wait for one another. Nothing was registered. */
export class DependencyCycleError extends CacheError {
  declare readonly code: "DEPENDENCY_CYCLE";
  /** The keys of the cycle, in order; the first is also the last. */
  readonly cycle: readonly string[];

  constructor(cycle: readonly string[]) {
    const path = cycle.length > 8 ? [...cycle.slice(0, 7), "…", cycle.at(-1) as string] : cycle;
    super({
      code: "DEPENDENCY_CYCLE",
      message:
        `dependsOn: expected tasks that can be put in an order, got the cycle ${path.map(shown).join(" → ")}. ` +
        "Remove one of the dependencies.",
    });
    this.cycle = cycle;
  }
  override get name(): "DependencyCycleError" {
    return "DependencyCycleError";
  }
  static override isInstance(value: unknown): value is DependencyCycleError {
    return hasCode(value, "DEPENDENCY_CYCLE");
  }
}

/** A cron pattern that cannot be read, or never comes. Nothing was scheduled. */
export class InvalidScheduleError extends CacheError {
  declare readonly code: "INVALID_SCHEDULE";
  readonly received: string;

  constructor(received: string, cause?: unknown) {
    super({
      code: "INVALID_SCHEDULE",
      message:
        `cron: expected a cron pattern with a next time, such as "*/15 * * * *", and a known time zone, got ${shown(received)}. ` +
        "Check the pattern, or give a number of minutes.",
      cause,
    });
    this.received = received;
  }
  override get name(): "InvalidScheduleError" {
    return "InvalidScheduleError";
  }
  static override isInstance(value: unknown): value is InvalidScheduleError {
    return hasCode(value, "INVALID_SCHEDULE");
  }
}

/** What was given to `restore` is no snapshot. Nothing was loaded. */
export class InvalidSnapshotError extends CacheError {
  declare readonly code: "INVALID_SNAPSHOT";
  /** What is wrong with it, as a clause. */
  readonly problem: string;

  constructor(problem: string) {
    super({
      code: "INVALID_SNAPSHOT",
      message: `snapshot: expected what \`snapshot()\` returned, got one where ${problem}. Take a new one.`,
    });
    this.problem = problem;
  }
  override get name(): "InvalidSnapshotError" {
    return "InvalidSnapshotError";
  }
  static override isInstance(value: unknown): value is InvalidSnapshotError {
    return hasCode(value, "INVALID_SNAPSHOT");
  }
}

/** The warmer was closed. */
export class WarmerClosedError extends CacheError {
  declare readonly code: "WARMER_CLOSED";

  constructor() {
    super({
      code: "WARMER_CLOSED",
      message:
        "Expected a warmer that is open, but `close()` was called. Make a new one with `createCacheWarmer`.",
    });
  }
  override get name(): "WarmerClosedError" {
    return "WarmerClosedError";
  }
  static override isInstance(value: unknown): value is WarmerClosedError {
    return hasCode(value, "WARMER_CLOSED");
  }
}

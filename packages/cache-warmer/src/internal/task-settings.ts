import {
  type BatchFetcher,
  checkKey,
  type Duration,
  InvalidOptionError,
  parseDuration,
} from "@crm/cache-core";
import { checkRetries } from "../options.ts";
import type { WarmingEntryOptions, WarmingFamily, WarmingSettings } from "../warming-task.ts";
import { checkEntry } from "./check-entry.ts";

/** The settings of a task or a family, checked. Never changed, and shared by tasks that were given the same. */
export interface TaskSettings {
  readonly category: string;
  readonly priority: number;
  /** `undefined`: the cache's. */
  readonly ttlMs: number | undefined;
  readonly dependsOn: readonly string[];
  readonly timeoutMs: number | undefined;
  readonly retries: number | undefined;
  readonly entry: WarmingEntryOptions | undefined;
  /** Of a family. */
  readonly family: FamilySettings | undefined;
}

export interface FamilySettings {
  readonly keys: WarmingFamily["keys"];
  readonly batchFetcher: BatchFetcher<unknown>;
  readonly batchSize: number;
}

/** Text that needs no closer look. */
const PLAIN = /^[ -~]+$/;
/** What is longer is looked at closely in any case. */
const PLAIN_LENGTH = 128;
const MAX_CATEGORY_BYTES = 128;
const MAX_DEPENDENCIES = 256;
const NONE: readonly string[] = [];

/**
 * As `checkKey`, where most is plain ASCII. An expression is fast from its first use; a loop over the characters is not before it has
 * been compiled, and by then a process that starts has registered its tasks.
 */
export function checkName(name: unknown, parameter?: string): string {
  if (typeof name === "string" && name.length <= PLAIN_LENGTH && PLAIN.test(name)) return name;
  return checkKey(name, parameter);
}

/** @throws InvalidKeyError, InvalidOptionError, InvalidDurationError, InvalidTagError */
export function checkSettings(
  { ttl, priority = 5, category = "default", dependsOn, timeout, retries, entry }: WarmingSettings,
  family?: FamilySettings,
): TaskSettings {
  if (!Number.isInteger(priority) || priority < 1 || priority > 10) {
    const expected = "a whole number from 1 to 10, 10 being loaded first";
    throw new InvalidOptionError({ option: "priority", received: priority, expected });
  }
  return {
    category: checkCategory(category),
    priority,
    ttlMs: ttl === undefined ? undefined : parseDuration(ttl, "ttl"),
    dependsOn: dependsOn === undefined ? NONE : checkDependencies(dependsOn),
    timeoutMs: timeout === undefined ? undefined : parseDuration(timeout, "timeout"),
    retries: retries === undefined ? undefined : checkRetries(retries),
    entry: entry === undefined ? undefined : checkEntry(entry),
    family,
  };
}

/** @throws InvalidOptionError */
export function checkCategory(category: unknown): string {
  if (isCategory(category)) return category;
  const expected = "a string of 1 to 128 bytes without control characters";
  throw new InvalidOptionError({ option: "category", received: category, expected });
}

/** The rules of a key, in fewer bytes. */
function isCategory(category: unknown): category is string {
  if (typeof category !== "string" || category.length > MAX_CATEGORY_BYTES) return false;
  if (PLAIN.test(category)) return true;
  try {
    return Buffer.byteLength(checkKey(category)) <= MAX_CATEGORY_BYTES;
  } catch {
    return false;
  }
}

function checkDependencies(dependsOn: unknown): readonly string[] {
  if (!Array.isArray(dependsOn) || dependsOn.length > MAX_DEPENDENCIES) {
    const expected = `an array of at most ${MAX_DEPENDENCIES} keys of tasks or names of families`;
    throw new InvalidOptionError({ option: "dependsOn", received: dependsOn, expected });
  }
  // `map` would pass over holes.
  return [...new Set(Array.from(dependsOn, (name) => checkKey(name, "dependsOn")))];
}

/** Categories of which the settings are remembered. */
const MAX_CATEGORIES = 1_000;

interface Remembered {
  readonly ttl: Duration | undefined;
  readonly settings: TaskSettings;
}

/**
 * The settings that tasks were given before: ten thousand tasks mostly share a few. What was checked once is neither checked nor made
 * again, and what is not made does not have to be collected while a process starts.
 */
export class UsualSettings {
  /** By category and priority, with the TTL that was given last. */
  readonly #known = new Map<unknown, Remembered[]>();

  /** Categories that are remembered. */
  get size(): number {
    return this.#known.size;
  }

  /** The settings of a task, checked. Throws as `checkSettings`. */
  of(given: WarmingSettings): TaskSettings {
    const { ttl, priority = 5, category = "default", dependsOn, timeout, retries, entry } = given;
    if (dependsOn !== undefined || timeout !== undefined || retries !== undefined || entry !== undefined) {
      return checkSettings({ ttl, priority, category, dependsOn, timeout, retries, entry });
    }
    const ofCategory = this.#known.get(category);
    // `"5"` would find what was remembered for 5.
    const known = typeof priority === "number" ? ofCategory?.[priority] : undefined;
    if (known !== undefined && known.ttl === ttl) return known.settings;
    const settings = checkSettings({ ttl, priority, category });
    this.#remember(ofCategory, { ttl, settings });
    return settings;
  }

  #remember(ofCategory: Remembered[] | undefined, remembered: Remembered): void {
    const { category, priority } = remembered.settings;
    if (ofCategory !== undefined) {
      ofCategory[priority] = remembered;
      return;
    }
    if (this.#known.size >= MAX_CATEGORIES) this.#known.clear();
    const first: Remembered[] = [];
    first[priority] = remembered;
    this.#known.set(category, first);
  }
}

import {
  checkKey,
  checkOptionNames,
  dependencyTag,
  InvalidOptionError,
  InvalidTagError,
  type OptionNames,
  parseDuration,
} from "@crm/cache-core";
import type { WarmingEntryOptions } from "../warming-task.ts";

const NAMES: OptionNames<WarmingEntryOptions> = {
  ...{ staleTtl: true, tags: true, dependsOn: true, jitter: true, earlyRefresh: true, failSafeTtl: true },
};
const MAX_TAGS = 64;

/** Options of entries, checked when a task is registered: a load would find out too late. @throws CacheError */
export function checkEntry(entry: WarmingEntryOptions): WarmingEntryOptions {
  if (typeof entry !== "object" || entry === null || Array.isArray(entry)) {
    const expected = "an object with options of entries, such as `tags`";
    throw new InvalidOptionError({ option: "entry", received: entry, expected });
  }
  checkOptionNames(entry, NAMES, "entry.");
  const { staleTtl, failSafeTtl, jitter, earlyRefresh, tags, dependsOn } = entry;
  if (staleTtl !== undefined && staleTtl !== 0) parseDuration(staleTtl, "entry.staleTtl");
  if (failSafeTtl !== undefined && failSafeTtl !== 0) parseDuration(failSafeTtl, "entry.failSafeTtl");
  checkFraction("entry.jitter", jitter, 0.5);
  checkFraction("entry.earlyRefresh", earlyRefresh, 100);
  if (tags !== undefined) {
    if (!Array.isArray(tags) || new Set(tags).size > MAX_TAGS) {
      throw new InvalidTagError({ parameter: "entry.tags", received: tags });
    }
    for (const tag of tags) checkTag(tag);
  }
  if (dependsOn !== undefined) {
    if (!Array.isArray(dependsOn)) {
      const expected = 'an array such as ["companies", ["deals", id]]';
      throw new InvalidOptionError({ option: "entry.dependsOn", received: dependsOn, expected });
    }
    for (const dependency of dependsOn) dependencyTag(dependency);
  }
  // A caller who changes its own arrays later changes nothing here.
  return {
    ...entry,
    ...(tags === undefined ? {} : { tags: [...tags] }),
    ...(dependsOn === undefined ? {} : { dependsOn: [...dependsOn] }),
  };
}

function checkTag(tag: unknown): void {
  try {
    // The rules of a tag are those of a key.
    checkKey(tag, "entry.tags");
  } catch {
    throw new InvalidTagError({ parameter: "entry.tags", received: tag });
  }
}

function checkFraction(option: string, value: unknown, max: number): void {
  if (value === undefined || (typeof value === "number" && value >= 0 && value <= max)) return;
  throw new InvalidOptionError({ option, received: value, expected: `a number from 0 to ${max}` });
}

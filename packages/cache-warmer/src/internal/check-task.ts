import {
  type BatchFetcher,
  checkKey,
  checkOptionNames,
  InvalidFetcherError,
  InvalidOptionError,
  type OptionNames,
} from "@crm/cache-core";
import type { WarmingFamily, WarmingSettings, WarmingTask } from "../warming-task.ts";
import type { TaskRecord } from "./task-record.ts";
import { checkName, checkSettings, type TaskSettings, type UsualSettings } from "./task-settings.ts";

const SETTINGS: OptionNames<WarmingSettings> = {
  ...{ ttl: true, priority: true, category: true, dependsOn: true, timeout: true, retries: true },
  ...{ entry: true },
};
const TASK: OptionNames<WarmingTask> = { key: true, fetcher: true, ...SETTINGS };
const FAMILY: OptionNames<WarmingFamily> = {
  ...{ name: true, keys: true, batchFetcher: true, batchSize: true },
  ...SETTINGS,
};

/** @throws InvalidKeyError, InvalidFetcherError, InvalidDurationError, InvalidOptionError */
export function checkTask(task: WarmingTask, usual: UsualSettings): TaskRecord {
  if (typeof task !== "object" || task === null) {
    const expected = "an object with `key` and `fetcher`";
    throw new InvalidOptionError({ option: "task", received: task, expected });
  }
  checkOptionNames(task, TASK);
  const name = checkName(task.key);
  const { fetcher } = task;
  if (typeof fetcher !== "function") throw new InvalidFetcherError({ received: fetcher });
  return makeRecord(name, fetcher, usual.of(task));
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
  return makeRecord(name, undefined, checkSettings(family, parts));
}

/** One literal, in one place: ten thousand of them are made in milliseconds. */
function makeRecord(name: string, fetcher: TaskRecord["fetcher"], settings: TaskSettings): TaskRecord {
  return { name, fetcher, settings, indexed: false, doubtedAfter: undefined, past: undefined };
}

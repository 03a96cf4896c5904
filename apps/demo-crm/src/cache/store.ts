import { type Store, storeFromEnv } from "@crm/cache-core";
import { cacheSettings } from "./settings.ts";

const { env, logger } = cacheSettings();

export const store: Store = storeFromEnv(env, { logger });

const LABELS: Record<Store["topology"], string> = {
  memory: "embedded memory store",
  standalone: "Redis",
  sentinel: "Redis behind Sentinel",
  cluster: "Redis Cluster",
};

/** For people; never contains where it is or how to log in. */
export const storeLabel: string = LABELS[store.topology];

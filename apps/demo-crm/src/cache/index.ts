import { createCache } from "@crm/cache-core";
import { cacheSettings } from "./settings.ts";
import { store } from "./store.ts";

/** The composition root: everything of the CRM that is cached, invalidated or counted goes through what is made here. */
export const cache = createCache({ store, namespace: "crm", logger: cacheSettings().logger });

/** The same object under the name that the services of the CRM know. */
export const cacheManager = cache;

import type { CacheWarmer, WarmingFamily, WarmingTask } from "@crm/cache-warmer";
import { aggregateQueries } from "../db/queries/aggregates.ts";
import { companyQueries } from "../db/queries/companies.ts";
import { dealQueries } from "../db/queries/deals.ts";
import type { Page, PageRequest } from "../db/queries/page.ts";
import { userQueries } from "../db/queries/users.ts";
import { contactQueries, projectQueries, taskQueries } from "../db/queries/work.ts";
import { listKey } from "../services/list-key.ts";

const PAGE_SIZE = 20;
const TOP_COMPANIES = 10;

// The keys, the queries and the TTLs are those of the services: what is warmed is what they would have stored.
// `test/warming.test.ts` asks every route for it and expects a hit.
const analytics = { ttl: "5m", entry: { staleTtl: "10m" }, category: "analytics", priority: 10 } as const;

const TASKS: readonly WarmingTask[] = [
  { key: "analytics:pipeline", fetcher: aggregateQueries.pipeline, ...analytics },
  { key: "analytics:revenue-by-sector", fetcher: aggregateQueries.revenueBySector, ...analytics },
  { key: "analytics:leaderboard", fetcher: aggregateQueries.leaderboard, ...analytics },
  {
    ...{ key: "companies:sectors", fetcher: companyQueries.findSectors },
    ...{ ttl: "1h", priority: 9, category: "companies" },
  },
  {
    ...{ key: "companies:industries", fetcher: companyQueries.findIndustries },
    ...{ ttl: "1h", priority: 9, category: "companies" },
  },
];

/** The first pages of a list. They depend on the whole entity anyhow, so they can be loaded together. */
function listFamily<T>(
  entity: string,
  pages: number,
  priority: number,
  keyOf: (request: PageRequest) => string,
  find: (request: PageRequest) => Promise<Page<T>>,
): WarmingFamily<Page<T>> {
  const requests = Array.from({ length: pages }, (_, at) => ({ page: at + 1, limit: PAGE_SIZE }));
  const byKey = new Map(requests.map((request) => [keyOf(request), request]));
  return {
    ...{ name: `${entity}:lists`, keys: () => byKey.keys(), batchSize: pages },
    ...{ ttl: 300, priority, category: entity },
    async batchFetcher(keys) {
      const found = new Map<string, Page<T>>();
      for (const key of keys) found.set(key, await find(byKey.get(key) as PageRequest));
      return found;
    },
  };
}

const LISTS: readonly WarmingFamily[] = [
  listFamily(
    ...(["companies", 5, 9] as const),
    ({ page, limit }) => `companies:list:${page}:${limit}::`,
    (request) => companyQueries.findAll(request, {}),
  ),
  listFamily(
    ...(["deals", 3, 8] as const),
    ({ page, limit }) => `deals:list:${page}:${limit}:::`,
    (request) => dealQueries.findAll(request, {}),
  ),
  listFamily(
    ...(["users", 2, 6] as const),
    ({ page, limit }) => `users:list:${page}:${limit}`,
    userQueries.findAll,
  ),
  listFamily(
    ...(["contacts", 2, 5] as const),
    (request) => listKey("contacts", request, {}),
    (request) => contactQueries.findAll(request, {}),
  ),
  listFamily(
    ...(["projects", 1, 5] as const),
    (request) => listKey("projects", request, {}),
    (request) => projectQueries.findAll(request, {}),
  ),
  listFamily(
    ...(["tasks", 1, 5] as const),
    (request) => listKey("tasks", request, {}),
    (request) => taskQueries.findAll(request, {}),
  ),
] as readonly WarmingFamily[];

const idsOfTop = () => aggregateQueries.topCompanyIds(TOP_COMPANIES);

/** One at a time: loaded together, each would depend on all of them, and go when any of them changes. */
const TOP: readonly WarmingFamily[] = [
  {
    name: "companies:top",
    async *keys() {
      for (const id of await idsOfTop()) yield `companies:${id}`;
    },
    batchFetcher: async ([key]) => [await companyQueries.findById(String(key).split(":")[1] as string)],
    ...{ batchSize: 1, ttl: 300, priority: 7, category: "companies" },
  },
  {
    name: "companies:top:deals-summary",
    async *keys() {
      for (const id of await idsOfTop()) yield `companies:${id}:deals-summary`;
    },
    batchFetcher: async ([key]) => [await companyQueries.summarizeDeals(String(key).split(":")[1] as string)],
    ...{ batchSize: 1, ttl: 300, priority: 7, category: "companies" },
  },
];

/** Names of the tasks and families of this app, the important ones first. */
export const WARMING_NAMES: readonly string[] = [
  ...[...TASKS, ...LISTS, ...TOP]
    .sort((a, b) => (b.priority ?? 5) - (a.priority ?? 5))
    .map((task) => ("key" in task ? task.key : task.name)),
];

/** Once for a warmer: what is registered again replaces itself, and is reported. */
export function registerWarmingTasks(warmer: CacheWarmer): void {
  if (warmer.getTaskMetrics(WARMING_NAMES[0] as string) !== undefined) return;
  warmer.registerBatch(TASKS);
  for (const family of [...LISTS, ...TOP]) warmer.registerFamily(family);
}

import { keepPreviousData, type QueryClient, queryOptions, useQuery } from "@tanstack/react-query";
import { type Answer, ask, search } from "./ask.ts";
import type {
  CompanyDetail,
  Deal,
  EntityName,
  LeaderboardEntry,
  Page,
  PipelineStage,
  Rows,
  SectorRevenue,
} from "./types.ts";

/** As query keys: what has changed is found again by the first two parts. See `affected-queries.ts`. */
export type ListFilter = Readonly<Record<string, string | number | undefined>>;

export const list = <E extends EntityName>(entity: E, filter: ListFilter) =>
  queryOptions({
    queryKey: [entity, "list", filter],
    queryFn: ({ signal }) => ask<Page<Rows[E]>>(`/api/${entity}${search(filter)}`, { signal }),
    // The next page takes the place of this one when it is there.
    placeholderData: keepPreviousData,
  });

export const company = (id: string) =>
  queryOptions({
    queryKey: ["companies", "detail", id],
    queryFn: ({ signal }) => ask<CompanyDetail>(`/api/companies/${encodeURIComponent(id)}`, { signal }),
  });

export const deal = (id: string) =>
  queryOptions({
    queryKey: ["deals", "detail", id],
    queryFn: ({ signal }) => ask<Deal>(`/api/deals/${encodeURIComponent(id)}`, { signal }),
  });

export const sectors = queryOptions({
  queryKey: ["companies", "sectors"],
  queryFn: ({ signal }) => ask<string[]>("/api/sectors", { signal }),
});

export const pipeline = queryOptions({
  queryKey: ["analytics", "pipeline"],
  queryFn: ({ signal }) => ask<PipelineStage[]>("/api/analytics/pipeline", { signal }),
});

export const revenueBySector = queryOptions({
  queryKey: ["analytics", "revenue-by-sector"],
  queryFn: ({ signal }) => ask<SectorRevenue[]>("/api/analytics/revenue-by-sector", { signal }),
});

export const leaderboard = queryOptions({
  queryKey: ["analytics", "leaderboard"],
  queryFn: ({ signal }) => ask<LeaderboardEntry[]>("/api/analytics/leaderboard", { signal }),
});

export const session = queryOptions({
  queryKey: ["session"],
  queryFn: ({ signal }) => ask<{ user: string | null }>("/api/session", { signal }),
  staleTime: 5 * 60_000,
  // Sessions lie in the cache's store: while it is away, who has signed in may not be known.
  refetchInterval: ({ state }) => (state.error ? 3_000 : false),
  // Somebody may have signed in or out in another window.
  refetchOnWindowFocus: "always",
});

/** Of who has just signed in or out. What was asked before, and is answered later, would say who had been there then. */
export async function noteSession(
  client: QueryClient,
  answer: Answer<{ user: string | null }>,
): Promise<void> {
  await client.cancelQueries(session);
  client.setQueryData(session.queryKey, answer);
}

const ALL = { limit: 100 } as const;

/** The name of a user; the id while that is not known. */
export function useUserName(id: string | null | undefined): string {
  const users = useQuery({ ...list("users", ALL), enabled: Boolean(id) }).data?.data.items;
  return users?.find((user) => user.id === id)?.name ?? id ?? "";
}

/** Names of companies and users by id. What is not among the first hundred is shown by its id. */
export function useNames(): { company(id: string | null): string; user(id: string | null): string } {
  const companies = useQuery(list("companies", ALL)).data?.data.items;
  const users = useQuery(list("users", ALL)).data?.data.items;
  const name = (rows: readonly { id: string; name: string }[] | undefined, id: string | null) =>
    id === null ? "–" : (rows?.find((row) => row.id === id)?.name ?? id);
  return { company: (id) => name(companies, id), user: (id) => name(users, id) };
}

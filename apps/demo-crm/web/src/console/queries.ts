import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { ask, search } from "../api/ask.ts";
import type {
  EntryPage,
  LimitState,
  LockState,
  RuleGraph,
  Sickness,
  WarmingState,
} from "../api/console-types.ts";
import type { CacheStats, Explanation, HistoryRecord, ImportReport } from "../api/types.ts";

// What nobody is told about is asked for again while somebody looks.
const LOOKING_MS = 3_000;

export const stats = queryOptions({
  queryKey: ["cache-stats"],
  queryFn: ({ signal }) => ask<CacheStats>("/api/cache/stats", { signal }),
  refetchInterval: LOOKING_MS,
});

export const conditions = queryOptions({
  queryKey: ["conditions"],
  queryFn: ({ signal }) => ask<Record<string, string>>("/api/conditions", { signal }),
  staleTime: Number.POSITIVE_INFINITY,
});

/** Asked again at every change: see `affected-queries.ts`. */
export const history = (limit: number) =>
  queryOptions({
    queryKey: ["cache-history", limit],
    queryFn: ({ signal }) => ask<HistoryRecord[]>(`/api/cache/history?limit=${limit}`, { signal }),
  });

export const rules = queryOptions({
  queryKey: ["cache-rules"],
  queryFn: ({ signal }) => ask<RuleGraph>("/api/cache/rules", { signal }),
  staleTime: Number.POSITIVE_INFINITY,
});

export const entries = (prefix: string, cursor: string | undefined) =>
  queryOptions({
    queryKey: ["cache-entries", prefix, cursor],
    queryFn: ({ signal }) =>
      ask<EntryPage>(`/api/cache/entries${search({ prefix, cursor, limit: 25 })}`, { signal }),
    placeholderData: keepPreviousData,
    refetchInterval: LOOKING_MS,
  });

export const explain = (key: string) =>
  queryOptions({
    queryKey: ["cache-explain", key],
    queryFn: ({ signal }) => ask<Explanation>(`/api/cache/explain${search({ key })}`, { signal }),
    staleTime: 0,
    refetchInterval: LOOKING_MS,
  });

export const locks = queryOptions({
  queryKey: ["cache-locks"],
  queryFn: ({ signal }) => ask<LockState[]>("/api/cache/locks", { signal }),
  refetchInterval: LOOKING_MS,
});

export const limits = queryOptions({
  queryKey: ["cache-limits"],
  queryFn: ({ signal }) => ask<LimitState[]>("/api/cache/limits", { signal }),
  refetchInterval: LOOKING_MS,
});

export const warming = queryOptions({
  queryKey: ["cache-warming"],
  queryFn: ({ signal }) => ask<WarmingState>("/api/cache/warming", { signal }),
  refetchInterval: LOOKING_MS,
});

export const sickness = queryOptions({
  queryKey: ["sickness"],
  queryFn: ({ signal }) => ask<Sickness>("/api/dev/sickness", { signal }),
});

export const importReport = queryOptions({
  queryKey: ["import-report"],
  queryFn: ({ signal }) => ask<ImportReport>("/api/import/report", { signal }),
  staleTime: Number.POSITIVE_INFINITY,
});

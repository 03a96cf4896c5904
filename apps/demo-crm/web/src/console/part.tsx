import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { type Answer, ApiError } from "../api/ask.ts";
import { EmptyState, Loaded } from "../ui/states.tsx";

interface PartProps<T> {
  readonly query: UseQueryResult<Answer<T>>;
  /** What a server that answers 404 does not have. */
  readonly what: string;
  readonly children: (data: T) => ReactNode;
}

/** A part of the console that a server may not have: then it says so, and not that something went wrong. */
export function Part<T>({ query, what, children }: PartProps<T>) {
  const { error } = query;
  if (!query.data && error instanceof ApiError && error.status === 404)
    return <EmptyState title={`This server does not show ${what}`} />;
  return <Loaded query={query}>{children}</Loaded>;
}

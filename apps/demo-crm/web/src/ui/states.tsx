import type { UseQueryResult } from "@tanstack/react-query";
import { CircleAlert, Inbox, SearchX } from "lucide-react";
import type { ReactNode } from "react";
import { type Answer, ApiError } from "../api/ask.ts";
import { mayPass } from "../api/query-client.ts";
import { Button } from "./button.tsx";

/** What went wrong, in the words of the server, and a way to try again. */
export function ErrorState({ error, onRetry }: { error: Error; onRetry?: (() => void) | undefined }) {
  const detail = error instanceof ApiError ? error.detail : error.message;
  return (
    <div className="state" role="alert">
      <CircleAlert size={28} aria-hidden className="state-icon bad" />
      <p className="state-title">{error instanceof ApiError ? error.message : "Something went wrong"}</p>
      {detail && <p className="muted">{detail}</p>}
      {onRetry && mayPass(error) && <Button onClick={onRetry}>Try again</Button>}
    </div>
  );
}

/** Over data that could not be asked for again. */
export function OldNote({ error }: { error: Error | null }) {
  if (error === null) return null;
  return (
    <p className="banner warn" role="status">
      This may be old. {error.message}: it is asked for again by itself.
    </p>
  );
}

export function EmptyState({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="state">
      <Inbox size={28} aria-hidden className="state-icon" />
      <p className="state-title">{title}</p>
      {children && <div className="muted">{children}</div>}
    </div>
  );
}

/** Lines in the place of what is being loaded. */
export function Skeleton({ lines = 6 }: { lines?: number }) {
  return (
    <div className="skeletons" role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, line) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the lines are all the same, and never move.
        <div key={line} className="skeleton" />
      ))}
    </div>
  );
}

/** In the place of a page whose subject is not there, or is no more. */
export function Missing({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className="state">
      <SearchX size={28} aria-hidden className="state-icon" />
      <h1 className="state-title">{title}</h1>
      <p className="muted">{children}</p>
    </div>
  );
}

interface LoadedProps<T> {
  readonly query: UseQueryResult<Answer<T>>;
  readonly lines?: number;
  readonly children: (data: T) => ReactNode;
}

/** Shows the data of a query when it is there; a skeleton before, and the error when there is none, or no such thing any more. */
export function Loaded<T>({ query, lines, children }: LoadedProps<T>) {
  if (query.data && (query.error === null || mayPass(query.error)))
    return (
      <>
        <OldNote error={query.error} />
        {children(query.data.data)}
      </>
    );
  if (query.error) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  return <Skeleton {...(lines === undefined ? {} : { lines })} />;
}

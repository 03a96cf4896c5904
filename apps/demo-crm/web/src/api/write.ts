import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useId, useRef } from "react";
import { useSignIn } from "../shell/sign-in.tsx";
import { notify, notifyOfError } from "../ui/notify.ts";
import { isAffected } from "./affected-queries.ts";
import { type Answer, ApiError, ask, search } from "./ask.ts";
import { askAgain as askQueriesAgain } from "./ask-again.ts";
import type { EntityName } from "./types.ts";

interface Write<Row> {
  readonly method: "POST" | "PATCH" | "DELETE";
  readonly id?: string | undefined;
  /** Behind the id, as in `/api/quotes/7/issue`. */
  readonly action?: string | undefined;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Said when it has worked; of the row as it is then. */
  readonly done: string | ((row: Row) => string);
  /** Called as soon as it has worked, also when whoever asked is not shown any more. */
  readonly onWorked?: () => void;
}

/**
 * Writes a row of an entity, says what became of it and of the cache, and has what shows the row asked again. Writes of one component go
 * one after the other, so that the last one counts; the same one twice is a second click, and done once.
 */
export function useWrite<Row = unknown>(entity: EntityName) {
  const client = useQueryClient();
  const { askAgain } = useSignIn();
  const underWay = useRef(new Set<string>());
  // The stream of changes says so, too. This window does not wait for it.
  const askWhatShows = (id = "") => {
    const changes = [{ event: "entity:updated", entityType: entity, entityId: id }] as const;
    return askQueriesAgain(client, (query) => isAffected(query, changes));
  };
  const write = useMutation<Answer<Row>, Error, Write<Row>>({
    scope: { id: useId() },
    mutationFn: ({ method, id, action, query = {}, body }) => {
      const path = ["/api", entity, id && encodeURIComponent(id), action].filter(Boolean).join("/");
      return ask<Row>(path + search(query), { method, body });
    },
    onSuccess(answer, { id, done, onWorked }) {
      const removed = answer.meta?.removed;
      notify({
        title: typeof done === "string" ? done : done(answer.data),
        description:
          answer.meta?.cache === "pending"
            ? "Saved. The cache could not be told yet; it is until then not asked for this."
            : removed === undefined || removed === null
              ? undefined
              : `${removed} cache ${removed === 1 ? "entry" : "entries"} removed, the rest kept`,
      });
      onWorked?.();
      return askWhatShows(id);
    },
    onError(error, { id }) {
      if (error instanceof ApiError && error.status === 401) return askAgain();
      notifyOfError(error);
      // It may have been written although nobody says so, or be refused because somebody else has written.
      void askWhatShows(id);
    },
    onSettled: (_, __, settled) => void underWay.current.delete(nameOf(settled)),
  });
  const mutate: typeof write.mutate = (asked, options) => {
    const name = nameOf(asked);
    if (underWay.current.has(name)) return;
    underWay.current.add(name);
    write.mutate(asked, options);
  };
  return { ...write, mutate };
}

const nameOf = ({ method, id, action, body }: Write<never>) => JSON.stringify([method, id, action, body]);

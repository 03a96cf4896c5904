import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useSignIn } from "../shell/sign-in.tsx";
import { notify } from "../ui/notify.ts";
import { isAffected } from "./affected-queries.ts";
import { type Answer, ApiError, ask, search } from "./ask.ts";
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
}

/** Writes a row of an entity, says what became of it and of the cache, and has what shows the row asked again. */
export function useWrite<Row = unknown>(entity: EntityName) {
  const client = useQueryClient();
  const { askAgain } = useSignIn();
  return useMutation<Answer<Row>, Error, Write<Row>>({
    mutationFn: ({ method, id, action, query = {}, body }) => {
      const path = ["/api", entity, id && encodeURIComponent(id), action].filter(Boolean).join("/");
      return ask<Row>(path + search(query), { method, body });
    },
    onSuccess(answer, { id, done }) {
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
      // The stream of changes says so, too. This window does not wait for it.
      const changes = [{ event: "entity:updated", entityType: entity, entityId: id ?? "" }] as const;
      return client.invalidateQueries({ predicate: (query) => isAffected(query, changes) });
    },
    onError(error) {
      if (error instanceof ApiError && error.status === 401) return askAgain();
      notify({
        title: error.message,
        description: error instanceof ApiError ? error.detail : undefined,
        isError: true,
      });
    },
  });
}

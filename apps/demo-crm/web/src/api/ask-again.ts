import type { Query, QueryClient } from "@tanstack/react-query";

/** Of each query that waits for the end of what is under way: when it has been asked again. */
const waiting = new WeakMap<Query, Promise<void>>();

/**
 * Has queries asked again because something was written; those that nobody looks at when somebody does. An answer that is under way may
 * have been made before the write: it is waited for, and the query is asked again then.
 *
 * `invalidateQueries` alone takes such an answer for a new one where nothing is shown yet, or where it is not to be asked now. Elsewhere it
 * calls it off: no answer would ever come where one takes longer than the time between two changes.
 */
export async function askAgain(client: QueryClient, isMeant: (query: Query) => boolean): Promise<void> {
  const queries = client.getQueryCache().findAll({ predicate: isMeant });
  await Promise.all(queries.map((query) => askOneAgain(client, query)));
}

function askOneAgain(client: QueryClient, query: Query): Promise<void> {
  const ask = () =>
    client.invalidateQueries({
      predicate: (one) => one === query,
      // A window that nobody sees asks when it is seen.
      refetchType: globalThis.document?.hidden ? "none" : "active",
    });
  if (query.state.fetchStatus === "idle") return ask();
  const known = waiting.get(query);
  if (known) return known;
  const asked = Promise.resolve(query.promise)
    .catch(() => {})
    .then(() => {
      waiting.delete(query);
      return ask();
    });
  waiting.set(query, asked);
  return asked;
}

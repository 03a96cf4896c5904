import type { PGlite } from "@electric-sql/pglite";
import type postgres from "postgres";

let delayMs = 0;

/** Makes every query of this process take so much longer; 0: as long as it takes. For development. */
export function slowDown(ms: number): void {
  delayMs = ms;
}

const wait = () => new Promise((resolve) => setTimeout(resolve, delayMs));

/** Has the queries of an embedded database obey `slowDown`. Those inside a transaction come once for all. */
export function slowable<T extends PGlite>(client: T): T {
  for (const name of ["query", "exec", "transaction"] as const) {
    const original = (client[name] as (...args: unknown[]) => Promise<unknown>).bind(client);
    client[name] = (async (...args: unknown[]) => {
      if (delayMs > 0) await wait();
      return original(...args);
    }) as never;
  }
  return client;
}

/** The same for a server. */
export function slowableServer(client: postgres.Sql): postgres.Sql {
  return new Proxy(client, {
    get(target, name, receiver) {
      const value = Reflect.get(target, name, receiver);
      if (name === "unsafe")
        return (...args: Parameters<typeof client.unsafe>) => late(target.unsafe(...args));
      return value;
    },
  });
}

/** A query that has been made but not sent: it is sent when somebody waits for it. */
function late<Q extends object>(query: Q): Q {
  if (delayMs === 0) return query;
  return new Proxy(query, {
    get(target, name) {
      const value = Reflect.get(target, name) as unknown;
      if (typeof value !== "function") return value;
      if (name === "then") {
        return (...handlers: [never, never]) =>
          wait().then(() => (target as unknown as Promise<unknown>).then(...handlers));
      }
      return (...args: unknown[]) => {
        const result = (value as (...all: unknown[]) => unknown).apply(target, args);
        return result === target || (typeof result === "object" && result !== null)
          ? late(result as object)
          : result;
      };
    },
  });
}

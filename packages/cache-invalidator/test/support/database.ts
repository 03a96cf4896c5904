import { startPostgres } from "@crm/testkit";

/** A query's answer. */
interface Answer<Row> {
  readonly rows: Row[];
}

/** An empty database of a real server, with the few methods that the tests need; the same as those of PGlite. */
export interface Database {
  readonly url: string;
  query<Row = Record<string, unknown>>(text: string, params?: unknown[]): Promise<Answer<Row>>;
  exec(text: string): Promise<void>;
  transaction<T>(body: (tx: Pick<Database, "query" | "exec">) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** Makes an empty database. */
export async function openDatabase(): Promise<Database> {
  const server = await startPostgres();
  const client = await server.client();
  const methods = {
    query: <Row>(text: string, params?: unknown[]) =>
      client.query(text, params) as unknown as Promise<Answer<Row>>,
    exec: (text: string) => client.query(text).then(() => {}),
  };
  return {
    ...methods,
    url: server.url,
    async transaction(body) {
      await client.query("BEGIN");
      try {
        const result = await body(methods);
        await client.query("COMMIT");
        return result;
      } catch (error) {
        await client.query("ROLLBACK");
        throw error;
      }
    },
    close: () => server.stop(),
  };
}

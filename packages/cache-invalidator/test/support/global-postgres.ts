import { startPostgres } from "@crm/testkit";

/** One server for all files of a run: each gets a database of its own from `startPostgres()`. */
export default async function setup(): Promise<() => Promise<void>> {
  if (process.env.TEST_POSTGRES_URL) return async () => {};
  const server = await startPostgres({ control: true });
  process.env.TEST_POSTGRES_URL = server.url;
  return async () => {
    delete process.env.TEST_POSTGRES_URL;
    await server.stop();
  };
}

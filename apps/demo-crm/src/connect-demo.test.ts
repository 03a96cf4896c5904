import { expect, it } from "vitest";
import { connectDemo } from "./connect-demo.ts";

it("says which setting names a database that cannot be used, and nothing of its password", async () => {
  const connecting = connectDemo({
    ...{ databaseUrl: "postgres://user:hunter2@localhost:1/db", databaseTemplate: undefined, persist: false },
  });
  const message = await connecting.then(String, (error: Error) => error.message);
  expect(message).toMatch(/^The database of DATABASE_URL cannot be used: .*ECONNREFUSED/);
  expect(message).not.toContain("hunter2");
});

import { createServer } from "node:net";
import { join } from "node:path";
import { runProgram } from "@crm/testkit";
import { describe, expect, it } from "vitest";

const FOLDER = join(import.meta.dirname, "..");
const run = (program: string): Promise<string> => runProgram(program, FOLDER);

async function unusedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe("the lifetime of a process that does nothing else", () => {
  it("lasts until a handler that hangs has had its time", async () => {
    const program = `
      import { createCache, memoryStore } from "@crm/cache-core";
      import { createCacheInvalidator } from "./src/index.ts";
      const invalidator = createCacheInvalidator(createCache({ store: memoryStore() }), {
        rules: { users: { patterns: ["users:*"], handlerTimeout: "100ms", customHandler: () => new Promise(() => {}) } },
      });
      await invalidator.invalidateOnUpdate("users", "1");
      console.log(invalidator.getHistory(1)[0].failedHandlers);
    `;
    expect(await run(program)).toBe("1\n");
  });

  it("lasts while a relay tries to reach its database, at the start as well as later, and ends with it", async () => {
    // The first session stands, is lost at once, and the next tries find nobody: what a restart of the database looks like.
    const program = `
      import pg from "pg";
      import { connectPg, createOutboxRelay } from "./src/outbox/index.ts";
      let tries = 0;
      let gone;
      const backlog = [{ pending: "0", dead: "0", age: "0" }];
      const relay = createOutboxRelay({
        connect: async () => {
          if (++tries !== 3) return connectPg(new pg.Client({ connectionString: "postgres://a:b@127.0.0.1:${await unusedPort()}/x" }));
          return {
            shared: false,
            query: async (text) => {
              if (gone) throw gone;
              return { rows: text.endsWith("AS age") ? backlog : [] };
            },
            listen: async () => {},
            onLost: (tell) => setTimeout(() => tell((gone = new Error("restarted"))), 50),
            end: async () => {},
          };
        },
        target: { apply: async () => {} },
      });
      relay.on("relay:down", () => {
        if (tries === 5) void relay.close();
      });
      await relay.start();
      process.on("exit", () => console.log(tries));
    `;
    expect(await run(program)).toBe("5\n");
  });
});

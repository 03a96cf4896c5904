import { join } from "node:path";
import { runProgram } from "@crm/testkit";
import { describe, expect, it } from "vitest";

const PRELUDE = `
  import { createCache, memoryStore } from "@crm/cache-core";
  import { createLocks } from "./src/index.ts";
  const locks = createLocks(createCache({ store: memoryStore() }));
`;

const FOLDER = join(import.meta.dirname, "..");
const run = (program: string): Promise<string> => runProgram(PRELUDE + program, FOLDER);

describe("the lifetime of a process without a server", () => {
  it("lasts while somebody waits for a lock whose lease ends", async () => {
    const program = `
      await locks.acquire("report", { ttl: "200ms", renew: false });
      const next = await locks.acquire("report", { wait: "5s" });
      console.log(next.held);
      await next.release();
    `;
    expect(await run(program)).toBe("true\n");
  });

  it("lasts until a wait that is in vain has ended", async () => {
    const program = `
      await locks.acquire("report");
      await locks.acquire("report", { wait: "200ms" }).catch((error) => console.log(error.code));
    `;
    expect(await run(program)).toBe("LOCK_TIMEOUT\n");
  });

  it("does not last for a lock that is held, nor for a wait that is over", async () => {
    const program = `
      await locks.acquire("report", { ttl: "1h" });
      await locks.acquire("report", { signal: AbortSignal.timeout(50), wait: "1h" }).catch(() => {});
      console.log("done");
    `;
    expect(await run(program)).toBe("done\n");
  });
});

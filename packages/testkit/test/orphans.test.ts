import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { spawnWorker, waitFor } from "../src/index.ts";
import { dial } from "./support/dial.ts";

const starter = new URL("./fixtures/starter.ts", import.meta.url);

interface Started {
  readonly host: string;
  readonly port: number;
  readonly scratch: string;
}

// In a container a server is ended by the reaper of Testcontainers, which takes its time.
test.each(["exit", "crash", "SIGKILL"])(
  "no server and no file outlive a test process that ends by %s",
  async (end) => {
    await using worker = await spawnWorker(starter, { env: { TEST_REDIS_VIA: "local" } });
    const started = await worker.call<Started>("start");
    expect(await dial(started)).toBe("connected");
    expect(existsSync(started.scratch)).toBe(true);
    if (end === "SIGKILL") await worker.kill();
    else await worker.call(end).catch(() => {});
    await worker.exited;
    await waitFor(async () => (await dial(started)) === "ECONNREFUSED", { description: "the server gone" });
    await waitFor(() => !existsSync(started.scratch), { description: "its files gone" });
  },
);

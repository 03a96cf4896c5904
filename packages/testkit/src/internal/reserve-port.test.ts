import { createServer } from "node:net";
import { expect, test } from "vitest";
import { CLUSTER_BUS_OFFSET, reservePort } from "./reserve-port.ts";

function listen(port: number): Promise<() => Promise<void>> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () =>
      resolve(() => new Promise((closed) => server.close(() => closed()))),
    );
  });
}

test("many at once are all different, free, and so are their bus ports", async () => {
  const reserved = await Promise.all(Array.from({ length: 100 }, () => reservePort()));
  expect(new Set(reserved.map(({ port }) => port)).size).toBe(100);
  for (const { port, busPort } of reserved.slice(0, 10)) {
    expect(busPort).toBe(port + CLUSTER_BUS_OFFSET);
    const close = await Promise.all([listen(port), listen(busPort)]);
    await Promise.all(close.map((each) => each()));
  }
  await Promise.all(reserved.map((each) => each.release()));
});

test("a port is reserved until it is released", async () => {
  const { port, release } = await reservePort();
  await expect(listen(port + 1)).rejects.toThrow("EADDRINUSE");
  await release();
  await (await listen(port + 1))();
});

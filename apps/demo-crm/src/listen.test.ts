import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, it } from "vitest";
import { listen } from "./listen.ts";

const servers: ReturnType<typeof createServer>[] = [];
const server = () => {
  const made = createServer();
  servers.push(made);
  return made;
};
afterEach(() => {
  for (const made of servers.splice(0)) made.close();
});

it("without a port, 3000 gives way to a free one when it is taken, and says so", async () => {
  // Either this takes it or somebody else has it: it is taken in both cases.
  await listen(server(), { host: "127.0.0.1", port: 3000 }).catch(() => {});
  const taken: number[] = [];
  const second = server();
  const port = await listen(second, {
    host: "127.0.0.1",
    port: undefined,
    onPortTaken: (port) => taken.push(port),
  });
  expect(taken).toEqual([3000]);
  expect(port).toBe((second.address() as AddressInfo).port);
  expect(port).not.toBe(3000);
});

it("a port that was asked for is refused when it is taken", async () => {
  const port = await listen(server(), { host: "127.0.0.1", port: 0 });
  await expect(listen(server(), { host: "127.0.0.1", port })).rejects.toThrow(
    `Port ${port} of 127.0.0.1 is taken: end what has it, or set PORT to another one, or to 0 for any that is free (EADDRINUSE)`,
  );
});

it.each([
  ["203.0.113.7", "which is no address of this machine (EADDRNOTAVAIL)"],
  ["nobody.invalid", /a name that has no address \(ENOTFOUND\)|EAI_AGAIN/],
])("says what is wrong with the host %s", async (host, why) => {
  await expect(listen(server(), { host, port: 0 })).rejects.toThrow(why);
});

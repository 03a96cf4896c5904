import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { dial } from "../test/support/dial.ts";
import type { RedisServer } from "./redis-server.ts";
import { type FaultProxy, startFaultProxy } from "./start-fault-proxy.ts";
import { startRedis } from "./start-redis.ts";
import { waitFor } from "./wait-for.ts";

const SILENCE_MS = 100;

let redis: RedisServer;
let proxy: FaultProxy;
let clients: Redis[] = [];
beforeAll(async () => {
  redis = await startRedis({ control: true });
});
afterAll(() => redis.stop());
beforeEach(async () => {
  proxy = await startFaultProxy({ target: redis });
});
afterEach(async () => {
  for (const client of clients) client.disconnect();
  clients = [];
  await proxy.close();
});

/** A client through the proxy that shows every fault as it is: no retries, no queue. */
async function through(): Promise<Redis> {
  const client = new Redis({ host: proxy.host, port: proxy.port, lazyConnect: true, retryStrategy: null });
  client.on("error", () => {});
  clients.push(client);
  await client.connect();
  return client;
}

async function silent(promise: Promise<unknown>): Promise<boolean> {
  promise.catch(() => {});
  return (await Promise.race([promise.catch(() => "failed"), sleep(SILENCE_MS, "silence")])) === "silence";
}

/** How many connections the server itself sees, apart from the one that asks. */
async function seenByServer(): Promise<number> {
  const direct = await redis.client();
  const list = (await direct.client("LIST")) as string;
  const others = list
    .trim()
    .split("\n")
    .filter((line) => !line.includes("cmd=client"));
  direct.disconnect();
  return others.length;
}

describe("without a fault", () => {
  test("what is sent arrives, however large, in both directions", async () => {
    const client = await through();
    const value = Buffer.alloc(5 * 1024 * 1024, "0123456789");
    await client.set("large", value);
    expect((await client.getBuffer("large"))?.equals(value)).toBe(true);
    expect(await Promise.all(Array.from({ length: 500 }, (_, index) => client.echo(`${index}`)))).toEqual(
      Array.from({ length: 500 }, (_, index) => `${index}`),
    );
  });

  test("connections are counted, and leave no trace on the server when they end", async () => {
    const before = await seenByServer();
    const [first, second] = [await through(), await through()];
    expect(proxy.connections).toBe(2);
    first.disconnect();
    await waitFor(() => proxy.connections === 1);
    second.disconnect();
    await waitFor(() => proxy.connections === 0);
    await waitFor(async () => (await seenByServer()) === before);
    expect(proxy.accepted).toBe(2);
  });

  test("a server that closes or resets a connection does so to the client", async () => {
    const client = await through();
    const ended = once(client, "end");
    const direct = await redis.client();
    await direct.client("KILL", "ID", await client.client("ID"));
    await ended;
    direct.disconnect();
  });

  test("a server that is down resets the clients of the proxy", async () => {
    await using down = await startFaultProxy({ target: { host: "127.0.0.1", port: 1 } });
    const socket = connect(down.port, down.host);
    const [error] = await once(socket, "error");
    expect(error.code).toBe("ECONNRESET");
  });
});

describe("setLatency", () => {
  test("is added to every round trip, and keeps the order", async () => {
    const client = await through();
    proxy.setLatency(60);
    const started = performance.now();
    await client.ping();
    expect(performance.now() - started).toBeGreaterThanOrEqual(59);
    const echoes: Promise<string>[] = [];
    for (let index = 0; index < 20; index += 1) {
      echoes.push(client.echo(`${index}`));
      if (index === 10) proxy.setLatency(5);
      await sleep(1);
    }
    expect(await Promise.all(echoes)).toEqual(Array.from({ length: 20 }, (_, index) => `${index}`));
    proxy.setLatency(0);
    const healed = performance.now();
    await client.ping();
    expect(performance.now() - healed).toBeLessThan(50);
  });
});

describe("cut", () => {
  test("resets what is connected, on both sides, and refuses what comes", async () => {
    const before = await seenByServer();
    const socket = connect(proxy.port, proxy.host);
    await once(socket, "connect");
    await waitFor(async () => (await seenByServer()) === before + 1);
    const failed = once(socket, "error");
    await proxy.cut();
    expect((await failed)[0].code).toBe("ECONNRESET");
    expect(await dial(proxy)).toBe("ECONNREFUSED");
    expect(proxy.connections).toBe(0);
    await waitFor(async () => (await seenByServer()) === before);
  });

  test("healed, it accepts at the same port", async () => {
    await proxy.cut();
    await proxy.heal();
    expect(await (await through()).ping()).toBe("PONG");
  });

  test("twice is as once, and other faults wait for heal", async () => {
    await proxy.cut();
    await proxy.cut();
    expect(() => proxy.blackHole()).toThrow("heal() it before another fault");
  });
});

describe("blackHole", () => {
  test("answers nothing and resets nothing; held packets arrive after it", async () => {
    const client = await through();
    proxy.blackHole();
    const write = client.set("held", "yes");
    expect(await silent(write)).toBe(true);
    const direct = await redis.client();
    expect(await direct.get("held")).toBeNull();
    expect(client.status).toBe("ready");
    await proxy.heal();
    expect(await write).toBe("OK");
    expect(await direct.get("held")).toBe("yes");
  });

  test("holds what the server sends as well", async () => {
    const subscriber = await through();
    await subscriber.subscribe("news");
    const received: string[] = [];
    subscriber.on("message", (_channel, message) => received.push(message));
    proxy.blackHole();
    const direct = await redis.client();
    await direct.publish("news", "one");
    await direct.publish("news", "two");
    await sleep(SILENCE_MS);
    expect(received).toEqual([]);
    await proxy.heal();
    await waitFor(() => received.length === 2);
    expect(received).toEqual(["one", "two"]);
  });

  test("accepts connections that get nowhere until it is over", async () => {
    const before = await seenByServer();
    proxy.blackHole();
    const socket = connect(proxy.port, proxy.host);
    await once(socket, "connect");
    socket.write("PING\r\n");
    const answer = once(socket, "data");
    expect(await silent(answer)).toBe(true);
    expect(await seenByServer()).toBe(before);
    await proxy.heal();
    expect(String((await answer)[0])).toBe("+PONG\r\n");
    socket.destroy();
  });

  test("lets the server wait for a client that has gone, until it is over", async () => {
    const before = await seenByServer();
    const client = await through();
    proxy.blackHole();
    client.disconnect();
    await waitFor(() => proxy.connections === 0);
    expect(await seenByServer()).toBe(before + 1);
    await proxy.heal();
    await waitFor(async () => (await seenByServer()) === before);
  });

  test("with dropped packets, the connections that lost some are reset after it", async () => {
    const [hit, idle] = [await through(), await through()];
    proxy.blackHole({ packets: "drop" });
    const write = hit.set("dropped", "yes");
    expect(await silent(write)).toBe(true);
    await proxy.heal();
    await expect(write).rejects.toThrow();
    expect(await idle.get("dropped")).toBeNull();
  });
});

describe("halfOpen", () => {
  test("takes the server's side away and tells the client nothing", async () => {
    const before = await seenByServer();
    const client = await through();
    proxy.halfOpen();
    await waitFor(async () => (await seenByServer()) === before);
    const write = client.set("half", "open");
    expect(await silent(write)).toBe(true);
    expect(client.status).toBe("ready");
    expect(proxy.connections).toBe(1);
  });

  test("takes new connections, whose bytes go nowhere", async () => {
    proxy.halfOpen();
    expect(await dial(proxy)).toBe("connected");
    const socket = connect(proxy.port, proxy.host);
    await once(socket, "connect");
    socket.write("PING\r\n");
    expect(await silent(once(socket, "data"))).toBe(true);
    socket.destroy();
    await waitFor(() => proxy.connections === 0);
  });

  test("notices the end of a client that a black hole had held back", async () => {
    const socket = connect(proxy.port, proxy.host);
    await once(socket, "connect");
    proxy.blackHole();
    socket.write(Buffer.alloc(8 * 1024 * 1024));
    await sleep(SILENCE_MS);
    proxy.halfOpen();
    socket.destroy();
    await waitFor(() => proxy.connections === 0);
  });

  test("after it, a client notices when it speaks, and not before", async () => {
    const client = await through();
    proxy.halfOpen();
    await proxy.heal();
    await sleep(SILENCE_MS);
    expect(client.status).toBe("ready");
    await expect(client.ping()).rejects.toThrow();
    expect(await (await through()).ping()).toBe("PONG");
  });
});

describe("slowReader", () => {
  let source: Server;
  let pushed = 0;
  beforeEach(async () => {
    pushed = 0;
    // Sends as fast as it is let, and counts what it got rid of.
    source = createServer((socket: Socket) => {
      socket.on("error", () => {});
      const push = (): void => {
        while (!socket.destroyed && socket.write(Buffer.alloc(64 * 1024))) pushed += 64 * 1024;
      };
      socket.on("drain", push);
      push();
    });
    await new Promise<void>((resolve) => source.listen(0, "127.0.0.1", resolve));
  });
  afterEach(() => {
    source.close();
  });

  test("delivers at the rate, and the rest stays with the server", async () => {
    const { port } = source.address() as { port: number };
    await using slow = await startFaultProxy({ target: { host: "127.0.0.1", port } });
    slow.slowReader(50_000);
    const socket = connect(slow.port, slow.host);
    socket.on("error", () => {});
    let received = 0;
    socket.on("data", (chunk) => {
      received += chunk.length;
    });
    await sleep(500);
    expect(received).toBeGreaterThan(10_000);
    expect(received).toBeLessThan(35_000);
    const stuck = pushed;
    await sleep(100);
    expect(pushed).toBe(stuck);
    await slow.heal();
    await waitFor(() => received > 10_000_000);
  });

  test("a subscriber that reads slowly is thrown out by the server", async () => {
    await redis.configSet("client-output-buffer-limit", "pubsub 256kb 0 0");
    const subscriber = await through();
    const ended = once(subscriber, "end");
    await subscriber.subscribe("flood");
    proxy.slowReader(1_000);
    const direct = await redis.client();
    const message = "x".repeat(512 * 1024);
    await waitFor(async () => (await direct.publish("flood", message)) === 0, { timeoutMs: 10_000 });
    await proxy.heal();
    await ended;
  });
});

describe("close", () => {
  test("resets the connections, frees the port and may be called twice, in any fault", async () => {
    for (const fault of ["none", "blackHole", "halfOpen", "cut"] as const) {
      const before = await seenByServer();
      const closing = await startFaultProxy({ target: redis });
      const socket = connect(closing.port, closing.host);
      socket.on("error", () => {});
      await once(socket, "connect");
      const gone = new Promise((resolve) => socket.once("close", resolve));
      if (fault !== "none") await closing[fault]();
      await closing.close();
      await closing.close();
      await gone;
      expect(await dial(closing)).toBe("ECONNREFUSED");
      await waitFor(async () => (await seenByServer()) === before);
    }
  });
});

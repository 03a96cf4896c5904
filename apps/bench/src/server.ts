import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createConnection, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis6";
import { pinned } from "./pinned.ts";

/** A redis-server of its own on loopback, without persistence. */
export async function startServer(): Promise<{ port: number; stop(): Promise<void> }> {
  const port = await freePort();
  // Redis 7 keeps a histogram of some 28 KB for every command that was ever called: not what an entry costs.
  const settings = ["--port", `${port}`, "--bind", "127.0.0.1", "--save", "", "--latency-tracking", "no"];
  const child: ChildProcess = spawn(...pinned("server", "redis-server", settings), { stdio: "ignore" });
  const failed = once(child, "error").then(([cause]) => {
    throw new Error("redis-server could not be started: install it and put it in the PATH", { cause });
  });
  const exited = once(child, "exit");
  await Promise.race([failed, connected(port)]);
  return {
    port,
    stop: async () => {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

/** An administrator's connection: it counts what others do. */
export class Server {
  readonly #redis: Redis;
  readonly port: number;

  constructor(port: number) {
    this.port = port;
    this.#redis = new Redis({ port, host: "127.0.0.1" });
  }

  /** Commands executed so far, those inside scripts included, without the administrator's own. */
  async commands(): Promise<number> {
    let total = 0;
    for (const [, name, calls] of (await this.#redis.info("commandstats")).matchAll(
      /cmdstat_([^:]+):calls=(\d+)/g,
    )) {
      if (name !== "info") total += Number(calls);
    }
    return total;
  }

  /** Scripts that were called so far, and the server's time in them. */
  async work(): Promise<{ sent: number; scriptUs: number }> {
    let sent = 0;
    let scriptUs = 0;
    for (const [, calls, us] of (await this.#redis.info("commandstats")).matchAll(
      /cmdstat_eval(?:sha)?:calls=(\d+),usec=(\d+)/g,
    )) {
      sent += Number(calls);
      scriptUs += Number(us);
    }
    return { sent, scriptUs };
  }

  /** Calls that clients sent so far: scripts count once, whatever they execute. Without the administrator's own. */
  async sent(): Promise<number> {
    let total = 0;
    const stats = await this.#redis.info("commandstats");
    // What redlock, redis-semaphore and this repository send while they wait.
    for (const [, name, calls] of stats.matchAll(/cmdstat_([^:]+):calls=(\d+)/g)) {
      if (name === "evalsha" || name === "eval" || name === "set" || name === "subscribe")
        total += Number(calls);
    }
    return total;
  }

  /** Counts who comes: the first gets 1. */
  take(what: string): Promise<number> {
    return this.#redis.incr(`bench:${what}`);
  }

  /** Bytes; without the texts of scripts, which stand once in a server, however many entries it holds. */
  async usedMemory(): Promise<number> {
    const info = await this.#redis.info("memory");
    const read = (field: string): number => Number(new RegExp(`\\b${field}:(\\d+)`).exec(info)![1]);
    return read("used_memory") - read("used_memory_scripts");
  }

  keys(): Promise<number> {
    return this.#redis.dbsize();
  }

  async version(): Promise<string> {
    return /redis_version:(\S+)/.exec(await this.#redis.info("server"))![1]!;
  }

  /** Runs `work` under MONITOR: what the clients sent, and what scripts ran inside the server. */
  async trace(work: () => Promise<unknown>): Promise<Trace> {
    const socket = createConnection(this.port, "127.0.0.1");
    const fence = `fence:${Math.random()}`;
    let text = "";
    let check = () => {};
    socket.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      check();
    });
    const seen = (part: string) =>
      new Promise<void>((resolve) => {
        check = () => {
          if (text.includes(part)) resolve();
        };
        check();
      });
    socket.write("MONITOR\r\n");
    await seen("+OK\r\n");
    await work();
    await this.#redis.echo(fence);
    await seen(fence);
    socket.destroy();
    const lines = [...text.slice(0, text.indexOf(fence)).matchAll(/^\+[\d.]+ \[\d+ (\S+)\] "([^"]+)"/gm)];
    const of = (inside: boolean) =>
      lines
        .filter(([, source, name]) => (source === "lua") === inside && name !== "echo")
        .map(([, , name]) => name!.toUpperCase());
    return { sent: of(false), inside: of(true) };
  }

  close(): void {
    this.#redis.disconnect();
  }
}

export interface Trace {
  readonly sent: readonly string[];
  readonly inside: readonly string[];
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as { port: number };
  probe.close();
  await once(probe, "close");
  return port;
}

async function connected(port: number): Promise<void> {
  const redis = new Redis({ port, host: "127.0.0.1", retryStrategy: () => 10, maxRetriesPerRequest: null });
  redis.on("error", () => {});
  await redis.ping();
  redis.disconnect();
  await sleep(10);
}

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { SettingsError } from "../read-settings.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface ProvidedRedis {
  /** The environment with the variables that name it. */
  readonly env: Environment;
  /** For people. */
  readonly label: string;
  close(): Promise<void>;
}

const NAMED = ["REDIS_URL", "REDIS_HOST", "REDIS_CLUSTER_NODES", "REDIS_SENTINELS"];
const START_MS = 5_000;

/** The Redis that the environment names, or one that is started here and ends with this process. @throws SettingsError */
export async function provideRedis(env: Environment): Promise<ProvidedRedis> {
  if (NAMED.some((name) => env[name]))
    return { env, label: "the Redis of the environment", close: async () => {} };
  const program = findOnPath("redis-server", env);
  if (program === undefined)
    throw new SettingsError(
      "Several instances share one Redis: set REDIS_URL, or install redis-server (on Debian or Ubuntu: apt-get install redis-server), or start one instance",
    );
  const folder = await mkdtemp(join(tmpdir(), "demo-crm-redis-"));
  const port = await freePort();
  // Nothing is kept: what is cached is worth nothing without the process that cached it.
  const args = [
    "--port",
    String(port),
    "--bind",
    "127.0.0.1",
    "--save",
    "",
    "--appendonly",
    "no",
    "--dir",
    folder,
  ];
  // A group of its own: Ctrl-C on the terminal ends the instances, and then it.
  const child = spawn(program, args, { stdio: "ignore", detached: true });
  const exited = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const failed = once(child, "error").then(([error]) => Promise.reject(error as Error));
  failed.catch(() => {});
  const close = async () => {
    child.kill("SIGTERM");
    await exited;
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await Promise.race([
      answers(port),
      failed,
      exited.then(() => Promise.reject(new Error("redis-server ended at once"))),
    ]);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    child.kill("SIGKILL");
    throw error;
  }
  return { env: { ...env, REDIS_URL: `redis://127.0.0.1:${port}` }, label: "a Redis of its own", close };
}

function findOnPath(name: string, env: Environment): string | undefined {
  return (env.PATH ?? "")
    .split(delimiter)
    .filter((folder) => folder !== "")
    .map((folder) => join(folder, name))
    .find((file) => existsSync(file));
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen({ host: "127.0.0.1", port: 0 }, resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function answers(port: number): Promise<void> {
  for (const startedAt = performance.now(); ; await sleep(20)) {
    const pong = await new Promise<boolean>((resolve) => {
      const socket = connect({ host: "127.0.0.1", port }, () => socket.write("PING\r\n"));
      socket.setTimeout(500, () => socket.destroy());
      socket.once("data", (bytes) => {
        resolve(String(bytes).startsWith("+PONG"));
        socket.destroy();
      });
      socket.once("error", () => {});
      socket.once("close", () => resolve(false));
    });
    if (pong) return;
    if (performance.now() - startedAt > START_MS) throw new Error("redis-server does not answer");
  }
}

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Backend, LaunchRequest, ServerProcess } from "./backend.ts";
import { pauseProcess } from "./pause-process.ts";
import { answersPing } from "./ping.ts";
import { reservePort } from "./reserve-port.ts";
import { scratchDirectory, watch } from "./watchdog.ts";

const HOST = "127.0.0.1";
const START_TIMEOUT_MS = 10_000;

/** Whether there is a `redis-server` in the PATH. */
export function hasLocalRedis(): boolean {
  return spawnSync("redis-server", ["--version"], { stdio: "ignore" }).status === 0;
}

/** Runs the `redis-server` of this machine. */
export const localBackend: Backend = { via: "local", prepare };

async function prepare(request: LaunchRequest): Promise<ServerProcess> {
  const directory = await mkdtemp(join(scratchDirectory(), "redis-"));
  const { port, busPort, release } = await reservePort();
  const logFile = join(directory, "server.log");
  const args = ["--port", String(port), "--bind", HOST, "--dir", directory, ...request.args];
  if (request.configFile !== undefined) {
    const path = join(directory, "server.conf");
    await writeFile(path, request.configFile);
    args.unshift(path);
  }
  let child: ChildProcess | undefined;
  let exited: Promise<void> = Promise.resolve();

  async function start(): Promise<void> {
    const log = openSync(logFile, "a");
    const started = spawn("redis-server", args, { stdio: ["ignore", log, log] });
    closeSync(log);
    child = started;
    watch(started);
    // A forgotten stop() must not keep the test process from ending; the watchdog clears up behind it.
    started.unref();
    exited = new Promise((resolve) => {
      const gone = (): void => {
        if (child === started) child = undefined;
        resolve();
      };
      started.once("exit", gone);
      started.once("error", gone);
    });
    const deadline = performance.now() + START_TIMEOUT_MS;
    while (!(await answersPing(HOST, port))) {
      if (child !== started) throw new Error(`redis-server did not start\n${await tail(logFile)}`);
      if (performance.now() > deadline) {
        await kill();
        throw new Error(`redis-server gave no answer within ${START_TIMEOUT_MS} ms\n${await tail(logFile)}`);
      }
      await sleep(3);
    }
  }

  async function kill(): Promise<void> {
    const target = child;
    if (!target) return exited;
    // The exit event is what we wait for, so the process counts again while we wait.
    target.ref();
    target.kill("SIGKILL");
    await exited;
  }

  return {
    host: HOST,
    port,
    busPort,
    get pid() {
      return child?.pid;
    },
    get running() {
      return child !== undefined;
    },
    start,
    kill,
    async pause() {
      if (child?.pid !== undefined) await pauseProcess(child.pid);
    },
    async resume() {
      child?.kill("SIGCONT");
    },
    async removeData() {
      for (const name of ["dump.rdb", "appendonlydir"]) {
        await rm(join(directory, name), { recursive: true, force: true });
      }
      return true;
    },
    async remove() {
      await kill();
      await rm(directory, { recursive: true, force: true });
      await release();
    },
  };
}

async function tail(path: string): Promise<string> {
  const text = await readFile(path, "utf8").catch(() => "");
  return text.split("\n").slice(-15).join("\n").trim();
}

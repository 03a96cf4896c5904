import { type ChildProcess, execFile, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { chmod, chown, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { findPostgresBinaries, unprivilegedUser } from "./postgres-binaries.ts";
import { reservePort } from "./reserve-port.ts";
import { scratchDirectory, watch } from "./watchdog.ts";

const HOST = "127.0.0.1";
const START_TIMEOUT_MS = 30_000;
const run = promisify(execFile);

/** One `postgres` under our control, with a data folder and a port of its own. */
export interface PostgresProcess {
  readonly host: string;
  readonly port: number;
  readonly pid: number | undefined;
  /** Starts it, and resolves when `answers` does. */
  start(answers: () => Promise<boolean>): Promise<void>;
  /** Immediate shutdown: every session is cut off, nothing is written, the next start recovers from the log. */
  kill(): Promise<void>;
  /** Ends it and removes its files. */
  remove(): Promise<void>;
}

/** Makes the data folder of a server that is not started yet. */
export async function preparePostgres(
  password: string,
  config: Readonly<Record<string, string | number>>,
): Promise<PostgresProcess> {
  const binaries = await findPostgresBinaries();
  const user = unprivilegedUser();
  const scratch = scratchDirectory();
  // The other user must get through to its own folder below.
  if (user !== undefined) await chmod(scratch, 0o711);
  const directory = await mkdtemp(join(scratch, "postgres-"));
  const data = join(directory, "data");
  const passwordFile = join(directory, "password");
  await mkdir(data);
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (user !== undefined)
    for (const path of [directory, data, passwordFile]) await chown(path, user.uid, user.gid);
  const { port, release } = await reservePort();
  await run(
    join(binaries, "initdb"),
    [
      "-D",
      data,
      "-U",
      "postgres",
      "-A",
      "scram-sha-256",
      `--pwfile=${passwordFile}`,
      "-E",
      "UTF8",
      "--locale=C",
      "-N",
    ],
    { ...user, cwd: directory },
  );
  const settings = {
    listen_addresses: HOST,
    port,
    unix_socket_directories: "",
    max_connections: 200,
    shared_buffers: "64MB",
    // A killed server loses nothing by it, only a machine that loses its power does.
    fsync: "off",
    ...config,
  };
  const args = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const logFile = join(directory, "server.log");
  let child: ChildProcess | undefined;
  let exited: Promise<void> = Promise.resolve();

  async function kill(): Promise<void> {
    const target = child;
    if (target === undefined) return exited;
    target.ref();
    // SIGKILL would leave its sessions running until each notices, and the next start would be refused meanwhile.
    target.kill("SIGQUIT");
    await exited;
  }

  return {
    host: HOST,
    port,
    get pid() {
      return child?.pid;
    },
    async start(answers) {
      const log = openSync(logFile, "a");
      const started = spawn(join(binaries, "postgres"), ["-D", data, ...args], {
        ...user,
        cwd: directory,
        stdio: ["ignore", log, log],
      });
      closeSync(log);
      child = started;
      watch(started);
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
      while (!(await answers())) {
        const late = performance.now() > deadline;
        if (late) await kill();
        if (late || child !== started) {
          const words = (await readFile(logFile, "utf8").catch(() => "")).split("\n").slice(-15).join("\n");
          throw new Error(`postgres did not start within ${START_TIMEOUT_MS} ms\n${words}`);
        }
        await sleep(10);
      }
    },
    kill,
    async remove() {
      await kill();
      await rm(directory, { recursive: true, force: true });
      await release();
    },
  };
}

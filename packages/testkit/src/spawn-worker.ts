import { fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Deferred, defer } from "./internal/defer.ts";
import { pauseProcess } from "./internal/pause-process.ts";
import { watch } from "./internal/watchdog.ts";
import { fromWire, type WorkerMessage } from "./internal/worker-protocol.ts";

/** What {@link spawnWorker} takes. */
export interface SpawnWorkerOptions {
  /** Arguments of the module, its `process.argv.slice(2)`. @default [] */
  readonly args?: readonly string[] | undefined;
  /** Variables on top of those of this process; `undefined` removes one. @default {} */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Options of Node, besides `--conditions=@crm/source`. @default [] */
  readonly execArgv?: readonly string[] | undefined;
  /** Milliseconds until the module must have called `serveWorker`. @default 15000 */
  readonly readyTimeoutMs?: number | undefined;
}

/** How a worker ended, and what it had to say. */
export interface WorkerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The last 64 KB of what it wrote to stderr. */
  readonly stderr: string;
}

/** A Node process of its own that answers calls. */
export interface Worker extends AsyncDisposable {
  readonly pid: number;
  /** What it wrote to stderr and stdout so far, the last 64 KB of each. */
  readonly stderr: string;
  readonly stdout: string;
  /** Resolves when it has ended, however. */
  readonly exited: Promise<WorkerExit>;
  /**
   * Runs a handler in the worker. Rejects with the error that the handler threw, or with a {@link WorkerExitError} when the
   * worker ended before it answered.
   */
  call<Result = unknown>(name: string, payload?: unknown): Promise<Result>;
  /** SIGKILL: no handler of the worker gets to clear up. Resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGSTOP: it stands still, its timers do not fire, its connections stay. Resolves when it has stopped. */
  pause(): Promise<void>;
  /** SIGCONT. */
  resume(): void;
  /** Lets it end by itself (it gets `disconnect`), and kills it if it does not within 2 s. */
  stop(): Promise<WorkerExit>;
}

/** The worker ended while an answer was outstanding, or before it was ready. Its stderr is in the message. */
export class WorkerExitError extends Error {
  override readonly name = "WorkerExitError";
  readonly exit: WorkerExit;
  constructor(doing: string, exit: WorkerExit) {
    const how = exit.signal ? `was ended by ${exit.signal}` : `ended with code ${exit.code}`;
    super(`The worker ${how} ${doing}${exit.stderr ? `\n--- stderr ---\n${exit.stderr.trimEnd()}` : ""}`);
    this.exit = exit;
  }
}

const KEPT_OUTPUT = 64 * 1024;

/**
 * Starts a Node process that runs `moduleUrl` (a `.ts` file is fine: Node strips the types) and resolves when it has
 * called `serveWorker`. It ends with this process, however this process ends.
 *
 * @example
 * ```ts
 * await using worker = await spawnWorker(new URL("./fixtures/reader.ts", import.meta.url));
 * const reads = await worker.call<number>("read", { times: 1000 });
 * ```
 */
export async function spawnWorker(
  moduleUrl: string | URL,
  options: SpawnWorkerOptions = {},
): Promise<Worker> {
  const { args = [], execArgv = [], readyTimeoutMs = 15_000 } = options;
  const child = fork(fileURLToPath(moduleUrl), args, {
    execArgv: ["--conditions=@crm/source", ...execArgv],
    env: { ...withoutVitest(process.env), ...options.env },
    // Dates, Maps, BigInts and bytes arrive as what they are.
    serialization: "advanced",
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  watch(child);
  const output = { stdout: "", stderr: "" };
  const streams: Promise<unknown>[] = [];
  for (const name of ["stdout", "stderr"] as const) {
    streams.push(once(child[name]!, "close"));
    child[name]!.setEncoding("utf8").on("data", (text: string) => {
      output[name] = (output[name] + text).slice(-KEPT_OUTPUT);
    });
  }
  const drained = Promise.all(streams);
  const pending = new Map<number, Deferred<unknown> & { readonly name: string }>();
  const ready = defer<void>();
  let nextId = 1;
  let ended: WorkerExit | undefined;

  const exited = new Promise<WorkerExit>((resolve) => {
    child.once("exit", async (code, signal) => {
      // Its last words may still be on their way. Not the `close` event of the child: after a disconnect() from here it
      // never comes. Not for ever either: a grandchild may hold the pipe open.
      await Promise.race([drained, sleep(500, undefined, { ref: false })]);
      ended = { code, signal, stderr: output.stderr };
      ready.reject(new WorkerExitError("before it called serveWorker()", ended));
      for (const { name, reject } of pending.values())
        reject(new WorkerExitError(`during ${JSON.stringify(name)}`, ended));
      pending.clear();
      resolve(ended);
    });
  });
  child.on("error", (error) => ready.reject(error));
  child.on("message", (message: WorkerMessage) => {
    if (message.kind === "ready") return ready.resolve();
    const call = pending.get(message.id);
    pending.delete(message.id);
    if (message.kind === "result") call?.resolve(message.value);
    else call?.reject(fromWire(message.error));
  });

  function call<Result>(name: string, payload?: unknown): Promise<Result> {
    if (ended) return Promise.reject(new WorkerExitError(`before ${JSON.stringify(name)}`, ended));
    const id = nextId++;
    const answer = Object.assign(defer<unknown>(), { name });
    pending.set(id, answer);
    try {
      // A closed channel means that it is ending: `exited` will say how.
      child.send({ kind: "call", id, name, payload }, () => {});
    } catch (error) {
      // The payload cannot be cloned.
      pending.delete(id);
      answer.reject(error);
    }
    return answer.promise as Promise<Result>;
  }

  async function kill(): Promise<void> {
    child.kill("SIGKILL");
    await exited;
  }

  async function stop(): Promise<WorkerExit> {
    if (ended) return ended;
    child.kill("SIGCONT");
    if (child.connected) child.disconnect();
    const late = new AbortController();
    const timeout = sleep(2_000, undefined, { signal: late.signal }).then(kill, () => {});
    await Promise.race([exited, timeout]);
    late.abort();
    return exited;
  }

  const deadline = setTimeout(() => {
    ready.reject(
      new Error(`The worker did not call serveWorker() within ${readyTimeoutMs} ms\n${output.stderr}`),
    );
    child.kill("SIGKILL");
  }, readyTimeoutMs);
  try {
    await ready.promise;
  } finally {
    clearTimeout(deadline);
  }
  return {
    pid: child.pid!,
    get stderr() {
      return output.stderr;
    },
    get stdout() {
      return output.stdout;
    },
    exited,
    call,
    kill,
    async pause() {
      if (!ended) await pauseProcess(child.pid!);
    },
    resume: () => void child.kill("SIGCONT"),
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
    },
  };
}

/** A worker is not a test runner: what Vitest tells its own processes would only confuse it. */
function withoutVitest(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^(VITEST|NODE_OPTIONS$)/.test(name)));
}

import { type ChildProcess, fork } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { listenFront } from "../listen-front.ts";
import type { DemoSettings } from "../read-settings.ts";
import type { Terminal } from "../terminal/show-import.ts";
import { createBalancer } from "./balance.ts";

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
/** Who has lived so long was well. */
const WELL_MS = 5_000;
const STOP_MS = 4_000;

export interface Instances {
  readonly url: string;
  close(): Promise<void>;
}

export interface InstancesOptions {
  readonly count: number;
  readonly settings: Pick<DemoSettings, "host" | "port">;
  readonly terminal: Pick<Terminal, "write">;
  readonly args: readonly string[];
  /** Beside that of this process. */
  readonly env: Readonly<Record<string, string>>;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

interface Message {
  readonly ready?: { readonly url: string } | undefined;
  /** To be told to the others: `tell-instances.ts`. */
  readonly toAll?: object | undefined;
}

/**
 * Starts so many processes, hands them the connections of one port in turn (`balance.ts`), and starts anew whichever dies. What a dead one was
 * answering is lost; everything else goes to the others. Resolves when all are ready; rejects when one of them cannot start.
 */
export async function startInstances(options: InstancesOptions): Promise<Instances> {
  const { count, args, env, logger, signal } = options;
  const balancer = createBalancer();
  const living = new Map<number, ChildProcess>();
  let stopping = false;
  let isStarted = false;

  /** Resolves when the instance is ready. */
  function start(instance: number, pauseMs: number): Promise<void> {
    // Its own port is nobody's but its own: it is what makes a server of it.
    const worker = fork(process.argv[1] as string, args, {
      env: { ...process.env, ...env, HOST: "127.0.0.1", PORT: "0", DEMO_INSTANCE: String(instance) },
    });
    living.set(instance, worker);
    const startedAt = performance.now();
    return new Promise((resolve, reject) => {
      worker.on("message", (message: Message) => {
        if (message.ready) {
          balancer.add(worker);
          resolve();
        }
        if (message.toAll)
          for (const other of living.values())
            if (other !== worker && other.connected) other.send(message as object);
      });
      worker.on("error", (error) => logger.warn({ err: error, instance }, "an instance does not run"));
      worker.once("exit", (code, by) => {
        living.delete(instance);
        // Of one that was ready nobody waits for this any more.
        reject(new Error(`instance ${instance} could not start: see above`));
        if (stopping || !isStarted) return;
        const next =
          performance.now() - startedAt > WELL_MS ? FIRST_PAUSE_MS : Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
        logger.warn({ instance, code, by, pauseMs }, "an instance has died and is started anew");
        void sleep(pauseMs).then(() => {
          if (!stopping) start(instance, next).catch(() => {});
        });
      });
    });
  }

  async function close(): Promise<void> {
    stopping = true;
    const ended = [...living.values()].map(
      (worker) => new Promise<void>((resolve) => worker.once("exit", () => resolve())),
    );
    for (const worker of living.values()) worker.kill("SIGTERM");
    const cut = setTimeout(() => {
      for (const worker of living.values()) worker.kill("SIGKILL");
    }, STOP_MS);
    await Promise.all(ended);
    clearTimeout(cut);
    balancer.close();
  }

  try {
    const aborted = new Promise<never>((_, reject) => {
      const abort = () => reject(signal.reason);
      if (signal.aborted) abort();
      signal.addEventListener("abort", abort, { once: true });
    });
    aborted.catch(() => {});
    const starting = Array.from({ length: count }, (_, at) => start(at + 1, FIRST_PAUSE_MS));
    for (const each of starting) each.catch(() => {});
    await Promise.race([Promise.all(starting), aborted]);
    const url = await listenFront(balancer, options.settings, options.terminal);
    isStarted = true;
    return { url, close };
  } catch (error) {
    await close();
    throw error;
  }
}

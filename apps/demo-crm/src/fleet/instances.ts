import cluster, { type Worker } from "node:cluster";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { DEFAULT_PORT } from "../listen.ts";

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
  /** As in the settings. */
  readonly port: number | undefined;
  readonly args: readonly string[];
  /** Beside that of this process. */
  readonly env: Readonly<Record<string, string>>;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

interface Message {
  readonly ready?: { readonly url: string } | undefined;
  readonly sickness?: object | undefined;
}

/**
 * Starts so many processes that listen on one port, and starts anew whichever dies: `node:cluster` hands each connection to the next
 * of those that live. What a dead one was answering is lost, as it would be behind any balancer that does not repeat requests, and
 * a connection that was being handed to it when it died is never answered (node:cluster keeps the handle to itself); those made once that is noticed go to the others. Resolves when all are ready; rejects when one of them cannot start.
 */
export async function startInstances(options: InstancesOptions): Promise<Instances> {
  const { count, args, env, logger, signal } = options;
  cluster.setupPrimary({ args: [...args] });
  const living = new Map<number, Worker>();
  let stopping = false;
  let port: string | undefined;

  /** Resolves when the instance is ready. */
  function start(instance: number, pauseMs: number): Promise<string> {
    // All ask for the same port, which is how the cluster knows that they share it: where the default one was taken, for any.
    const worker = cluster.fork({
      ...{ ...env, DEMO_INSTANCE: String(instance) },
      ...(port === undefined ? {} : { PORT: port }),
    });
    living.set(instance, worker);
    const startedAt = performance.now();
    return new Promise((resolve, reject) => {
      worker.on("message", (message: Message) => {
        if (message.ready) resolve(message.ready.url);
        if (message.sickness)
          for (const other of living.values())
            if (other !== worker && other.isConnected()) other.send(message);
      });
      worker.on("error", (error) => logger.warn({ err: error, instance }, "an instance does not listen"));
      worker.once("exit", (code, by) => {
        living.delete(instance);
        // Of one that was ready nobody waits for this any more.
        reject(new Error(`instance ${instance} could not start: see above`));
        if (stopping || port === undefined) return;
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
    for (const worker of living.values()) worker.process.kill("SIGTERM");
    const cut = setTimeout(() => {
      for (const worker of living.values()) worker.process.kill("SIGKILL");
    }, STOP_MS);
    await Promise.all(ended);
    clearTimeout(cut);
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
    const [url] = (await Promise.race([Promise.all(starting), aborted])) as string[];
    const given = new URL(url as string).port;
    port =
      options.port === undefined && given !== String(DEFAULT_PORT)
        ? "0"
        : String(options.port ?? DEFAULT_PORT);
    return { url: url as string, close };
  } catch (error) {
    await close();
    throw error;
  }
}

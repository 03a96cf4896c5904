import { randomBytes } from "node:crypto";
import { type Cache, CacheClosedError, StoreReplyError } from "@crm/cache-core";
import type { AcquireResult } from "../result.ts";
import { cancelPlace } from "../scripts/cancel-place.ts";
import { reservePlace } from "../scripts/reserve-place.ts";
import type { CompiledPlan } from "./compiled-plan.ts";
import type { Engine, Target } from "./engine.ts";
import { FIGURES, toResult } from "./to-result.ts";

/** Places that may be taken in one queue. Giving one up costs the server some µs for each place behind it. */
const LONGEST_QUEUE = 1_000;
/** A reply carries the time, whether a place was granted, and how long to wait, before the figures. */
const HEAD = 3;

interface Wish {
  readonly plan: CompiledPlan;
  readonly cost: number;
  readonly target: Target;
  readonly queue: string;
  readonly maxWaitMs: number;
  readonly signal: AbortSignal | undefined;
}

/** A call that has asked for a place. */
interface Waiter {
  /** Another time for its place, in ms from now; noted when the place itself is not known yet. */
  move(delayMs: number): void;
  /** Ends the wait with an error and gives the place up. */
  leave(reason: unknown): void;
}

/**
 * Waits for places. The server says how long, once; a timer of this process does the rest, and fires after the server's
 * moment, never before it, since the reply takes time too. When somebody in front gives up, those behind are told to
 * come earlier; a message that is lost costs them that gain and nothing else.
 */
export class Places {
  readonly #cache: Cache;
  readonly #engine: Engine;
  readonly #processId = randomBytes(9).toString("base64url");
  readonly #waiters = new Map<string, Waiter>();
  #ids = 0;
  #listening: Promise<(() => Promise<void>) | null> | undefined;
  #keepAlive: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(cache: Cache, engine: Engine) {
    this.#cache = cache;
    this.#engine = engine;
  }

  async acquire(wish: Wish): Promise<AcquireResult> {
    const { plan, cost, target, queue, maxWaitMs, signal } = wish;
    signal?.throwIfAborted();
    if (this.#closed) throw new CacheClosedError();
    const { store } = this.#cache.internals;
    const keys = [this.#engine.prefixOf(target.bucket)];
    const id = `${this.#processId}.${(this.#ids++).toString(36)}`;
    const wait = this.#begin(id, signal);
    const args = [queue, id, this.#channel, cost, maxWaitMs, LONGEST_QUEUE, plan.source, ...target.subjects];
    const asked = store.run(reservePlace, keys, args);
    try {
      const reply = await Promise.race([asked, wait.left]);
      if (!Array.isArray(reply) || reply.length !== HEAD + FIGURES * plan.rules.length) {
        throw new StoreReplyError({ operation: reservePlace.name, received: reply });
      }
      const [, granted, delayMs] = reply as number[];
      const result = toResult(plan, reply as number[], HEAD, "store", 0);
      const waited = await (granted === 1 ? wait.until(delayMs as number) : 0);
      const answer = granted === 1 ? { ...result, ...ALLOWED, waited } : { ...result, waited };
      this.#engine.count(answer);
      return answer;
    } catch (error) {
      if (wait.isLeft()) {
        asked.then(
          (reply) => this.#giveUp(wish, keys, id, reply as number[]),
          () => {},
        );
        throw error;
      }
      const alone = this.#engine.decideAlone(error, plan, cost, target);
      if (alone === null) throw error;
      this.#engine.count(alone);
      return { ...alone, waited: 0 };
    } finally {
      wait.end();
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const waiter of [...this.#waiters.values()]) waiter.leave(new CacheClosedError());
    const stop = await this.#listening?.catch(() => null);
    await stop?.();
  }

  get #channel(): string {
    return `${this.#cache.internals.keys.base}q@${this.#processId}`;
  }

  /** A place in the future is left to those behind it; what was spent at once is refunded. */
  async #giveUp(wish: Wish, keys: readonly string[], id: string, reply: readonly number[]): Promise<void> {
    const { store, logger } = this.#cache.internals;
    const [, granted, delayMs] = reply;
    if (granted !== 1) return;
    try {
      if (delayMs === 0) await this.#engine.adjust("give", wish.cost, wish.plan, wish.target, "");
      else await store.run(cancelPlace, keys, [wish.queue, id]);
    } catch (err) {
      logger.debug({ err }, "A place could not be given up; its time passes unused");
    }
  }

  #begin(id: string, signal: AbortSignal | undefined) {
    const { clock } = this.#cache.internals;
    const began = clock.monotonic();
    let dueAt: number | undefined;
    let movedTo: number | undefined;
    let cancelTimer: (() => void) | undefined;
    let come: ((waitedSeconds: number) => void) | undefined;
    let abandoned = false;
    let reject!: (reason: unknown) => void;
    const left = new Promise<never>((_, onLeft) => {
      reject = onLeft;
    });
    left.catch(() => {});

    const arm = (): void => {
      cancelTimer?.();
      const now = clock.monotonic();
      if ((dueAt as number) <= now) {
        come?.((now - began) / 1000);
        return;
      }
      // A timer may fire a little early; it is then set again.
      cancelTimer = clock.after(Math.max(1, (dueAt as number) - now), arm);
    };
    const leave = (reason: unknown): void => {
      if (abandoned) return;
      abandoned = true;
      reject(reason);
    };
    const onAbort = (): void => leave(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#waiters.set(id, {
      move: (delayMs) => {
        movedTo = clock.monotonic() + delayMs;
        if (dueAt === undefined || come === undefined) return;
        dueAt = movedTo;
        arm();
      },
      leave,
    });
    this.#holdProcess();

    return {
      left,
      isLeft: () => abandoned,
      until: (delayMs: number): Promise<number> => {
        if (delayMs === 0) return Promise.resolve(0);
        this.#listen();
        dueAt = movedTo ?? clock.monotonic() + delayMs;
        const turn = new Promise<number>((resolve) => {
          come = resolve;
          arm();
        });
        return Promise.race([turn, left]);
      },
      end: () => {
        cancelTimer?.();
        signal?.removeEventListener("abort", onAbort);
        this.#waiters.delete(id);
        if (this.#waiters.size === 0) this.#releaseProcess();
      },
    };
  }

  /** From the first wait on: who moves up is told. */
  #listen(): void {
    this.#listening ??= this.#cache.internals.store
      .subscribe(this.#channel, (message) => {
        const space = message.indexOf(" ");
        this.#waiters.get(message.slice(0, space))?.move(Number(message.slice(space + 1)));
      })
      .catch(() => {
        this.#listening = undefined;
        return null;
      });
  }

  /** Timers of the toolkit never keep a process alive; a caller that awaits its turn does. */
  #holdProcess(): void {
    this.#keepAlive ??= setInterval(() => {}, 2_147_483_647);
  }

  #releaseProcess(): void {
    clearInterval(this.#keepAlive);
    this.#keepAlive = undefined;
  }
}

/** A place was granted: whatever the figures of the moment say. */
const ALLOWED = { allowed: true, retryAfter: 0, violated: [] } as const;

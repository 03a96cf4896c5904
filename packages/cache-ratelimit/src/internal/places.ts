import { randomBytes } from "node:crypto";
import { type Cache, holdProcess, StoreReplyError } from "@crm/cache-core";
import { RateLimiterClosedError } from "../errors.ts";
import type { AcquireResult } from "../result.ts";
import { cancelPlace } from "../scripts/cancel-place.ts";
import { reservePlace } from "../scripts/reserve-place.ts";
import type { CompiledPlan } from "./compiled-plan.ts";
import type { Engine, Target } from "./engine.ts";
import { FIGURES, toResult } from "./to-result.ts";
import { Wait } from "./wait.ts";

/** Places that may be taken in one queue. Giving one up costs the server some µs for each place behind it. */
const LONGEST_QUEUE = 1_000;
/** A reply carries the time, whether a place was granted, and how long to wait, before the figures. */
const HEAD = 3;

/** A wish for a place. */
interface Wish {
  readonly plan: CompiledPlan;
  readonly cost: number;
  readonly target: Target;
  readonly queue: string;
  readonly maxWaitMs: number;
  readonly signal: AbortSignal | undefined;
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
  readonly #waits = new Map<string, Wait>();
  /** Calls that have not ended, and places that are being given up, for `close`. */
  readonly #calls = new Set<Promise<unknown>>();
  readonly #leaving = new Set<Promise<void>>();
  #ids = 0;
  #listening: Promise<(() => Promise<void>) | null> | undefined;
  #release: (() => void) | undefined;
  #closed = false;

  constructor(cache: Cache, engine: Engine) {
    this.#cache = cache;
    this.#engine = engine;
  }

  async acquire(wish: Wish): Promise<AcquireResult> {
    wish.signal?.throwIfAborted();
    if (this.#closed) throw new RateLimiterClosedError();
    const call = this.#take(wish);
    this.#calls.add(call);
    try {
      return await call;
    } finally {
      this.#calls.delete(call);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const wait of [...this.#waits.values()]) wait.leave(new RateLimiterClosedError());
    // The first say what there is to give up; whoever closes the cache next would cut it short.
    await Promise.allSettled(this.#calls);
    await Promise.allSettled(this.#leaving);
    const stop = await this.#listening;
    await stop?.();
  }

  async #take(wish: Wish): Promise<AcquireResult> {
    const { plan, cost, target, queue, maxWaitMs, signal } = wish;
    const { store, clock } = this.#cache.internals;
    const keys = [this.#engine.prefixOf(target.bucket)];
    const id = `${this.#processId}.${(this.#ids++).toString(36)}`;
    const wait = new Wait(queue, clock);
    const onAbort = (): void => wait.leave(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#enter(id, wait);
    const args = [queue, id, this.#channel, cost, maxWaitMs, LONGEST_QUEUE, plan.source, ...target.subjects];
    const asked = store.run(reservePlace, keys, args);
    try {
      const reply = await Promise.race([asked, wait.left]);
      if (!Array.isArray(reply) || reply.length !== HEAD + FIGURES * plan.rules.length) {
        throw new StoreReplyError({ operation: reservePlace.name, received: reply });
      }
      const [micros, granted, delayMs] = reply as [number, number, number];
      const result = toResult(plan, reply as number[], HEAD, "store", 0);
      let waited = 0;
      if (granted === 1 && delayMs > 0) {
        this.#listen();
        waited = await wait.until(delayMs, micros, () => this.#arrive(wait));
      }
      const answer: AcquireResult =
        granted === 1
          ? { ...result, allowed: true, retryAfter: 0, violated: [], waited }
          : { ...result, waited };
      this.#engine.count(answer);
      return answer;
    } catch (error) {
      if (wait.hasLeft) {
        const leaving = asked.then(
          (reply) => this.#giveUp(wish, keys, id, reply as number[]),
          () => {},
        );
        this.#leaving.add(leaving);
        void leaving.finally(() => this.#leaving.delete(leaving));
        throw error;
      }
      const alone = this.#engine.decideAlone(error, plan, cost, target);
      if (alone === null) throw error;
      this.#engine.count(alone);
      return { ...alone, waited: 0 };
    } finally {
      wait.end();
      signal?.removeEventListener("abort", onAbort);
      this.#exit(id);
    }
  }

  get #channel(): string {
    return `${this.#cache.internals.keys.base}q@${this.#processId}`;
  }

  /** The time of a place has come, and so has that of every place before it: they leave in order. */
  #arrive(first: Wait): void {
    [...this.#waits.values()]
      .filter((wait) => wait.queue === first.queue && !first.isBefore(wait))
      .sort((a, b) => (a.isBefore(b) ? -1 : 1))
      .forEach((wait) => {
        wait.come();
      });
  }

  /** A place in the future is left to those behind it; what was spent at once is refunded. */
  async #giveUp(wish: Wish, keys: readonly string[], id: string, reply: readonly number[]): Promise<void> {
    const { store, logger } = this.#cache.internals;
    const [, granted, delayMs] = reply;
    if (granted !== 1) return;
    try {
      if (delayMs === 0) await this.#engine.adjust("give", wish.cost, wish.plan, wish.target, "");
      else {
        await store.run(cancelPlace, keys, [wish.queue, id]);
        // A refusal that was remembered may have counted the place.
        this.#engine.forget(wish.target);
      }
    } catch (err) {
      logger.debug({ err }, "A place could not be given up; its time passes unused");
    }
  }

  /** From the first wait on: who moves up is told. */
  #listen(): void {
    this.#listening ??= this.#cache.internals.store
      .subscribe(this.#channel, (message) => {
        const [id = "", delayMs, serverAt] = message.split(" ");
        this.#waits.get(id)?.move(Number(delayMs), Number(serverAt));
      })
      .catch(() => {
        this.#listening = undefined;
        return null;
      });
  }

  #enter(id: string, wait: Wait): void {
    this.#waits.set(id, wait);
    this.#release ??= holdProcess();
  }

  #exit(id: string): void {
    this.#waits.delete(id);
    if (this.#waits.size > 0) return;
    this.#release?.();
    this.#release = undefined;
  }
}

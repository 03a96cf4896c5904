import type { Clock, Logger, Store, TypedEmitter } from "@crm/cache-core";
import {
  LockAbortedError,
  type LockLostReason,
  LockNotDurableError,
  LockUnavailableError,
} from "../errors.ts";
import type { LockEvents } from "../events.ts";
import { CallsUnderWay } from "./calls-under-way.ts";
import { GiveBacks } from "./give-backs.ts";
import { Hold, type HoldKeeper, leaseEnd } from "./hold.ts";
import { type AcquireReply, type Aftermath, type HolderReply, LockCalls } from "./lock-calls.ts";
import type { LockPlace } from "./lock-place.ts";
import { Mailbox } from "./mailbox.ts";
import { isClosed, isRefused } from "./refusals.ts";
import { makeToken, newProcessId } from "./token.ts";
import { type Acquired, type AcquireRequest, Waiter } from "./waiter.ts";
import { WaitingRoom } from "./waiting-room.ts";
import { Watches } from "./watches.ts";

/** How long the first lock of a process waits for the subscription. */
const HEAR_WITHIN_MS = 250;

export interface LockEngineParameters {
  readonly store: Store;
  readonly base: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly emitter: TypedEmitter<LockEvents>;
  readonly owner: string;
}

/** What a process knows of its locks: those that it holds, those that it waits for, those that it has to give back. */
export class LockEngine implements HoldKeeper {
  readonly clock: Clock;
  readonly #calls: LockCalls;
  readonly #mailbox: Mailbox;
  readonly #emitter: TypedEmitter<LockEvents>;
  readonly #logger: Logger;
  readonly #waiters = new Map<string, Waiter>();
  readonly #holds = new Map<string, Hold>();
  readonly #room: WaitingRoom;
  readonly #giveBacks: GiveBacks;
  readonly #watches: Watches;
  /** Calls that take or give back, for `close`. */
  readonly #underWay = new CallsUnderWay();
  readonly #offAvailability: () => void;
  #serial = 0;
  #closed = false;

  constructor(parameters: LockEngineParameters) {
    const { store, base, clock, emitter, logger, owner } = parameters;
    this.clock = clock;
    this.#emitter = emitter;
    this.#logger = logger;
    this.#calls = new LockCalls(store, base, newProcessId(), owner);
    this.#mailbox = new Mailbox(store, this.#calls.channel, (kind, token) => this.#onMessage(kind, token));
    this.#room = new WaitingRoom(clock, (waiter) => void this.#ask(waiter));
    this.#giveBacks = new GiveBacks(
      async (place, token) => {
        const sentAt = clock.monotonic();
        const reply = await this.#calls.release(place, token);
        this.#handle(place, reply, sentAt);
        return reply.held;
      },
      () => store.available,
      clock,
    );
    this.#watches = new Watches(async (place) => {
      const sentAt = clock.monotonic();
      const reply = await this.#calls.watch(place);
      this.#takeOwn(reply, sentAt);
      return reply;
    }, clock);
    this.#offAvailability = store.onAvailability((available) => {
      if (!available) return;
      this.#giveBacks.retry();
      for (const hold of this.#holds.values()) hold.renewIfLate();
      this.#room.askAll();
    });
  }

  /** Everything that is outstanding, for tests and for those who look for leaks. */
  pending(): Readonly<Record<string, number>> {
    return {
      held: this.#holds.size,
      waiting: this.#waiters.size,
      queues: this.#room.size,
      giveBacks: this.#giveBacks.size,
      watches: this.#watches.size,
    };
  }

  /** Rejects with `LockUnavailableError`, `LockNotDurableError`, `LockAbortedError` or the reason of the caller's signal. */
  acquire(request: AcquireRequest): Promise<Acquired> {
    const { signal, waitMs, place } = request;
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#closed) return Promise.reject(new LockAbortedError(place.name));
    const token = makeToken(
      this.#calls.processId,
      this.#serial++,
      request.permits,
      request.limit,
      request.ttlMs,
    );
    const waiter = new Waiter(request, token, this.clock.monotonic());
    this.#waiters.set(token, waiter);
    waiter.onSettled(() => {
      this.#waiters.delete(token);
      this.#room.leave(waiter);
    });
    if (signal !== undefined) {
      const onAbort = (): void => {
        if (waiter.reject(signal.reason)) this.#abandon(waiter);
      };
      signal.addEventListener("abort", onAbort, { once: true });
      waiter.onSettled(() => signal.removeEventListener("abort", onAbort));
    }
    if (waitMs > 0) waiter.onSettled(this.clock.after(waitMs, () => this.#timeOut(waiter)));
    // For holders too: so that they hear of a loss at once.
    if (!this.#mailbox.stands) void this.#listen();
    void this.#ask(waiter);
    return waiter.outcome;
  }

  async inspect(
    place: LockPlace,
  ): Promise<{ fence: number; waiters: number; holders: readonly HolderReply[] }> {
    return this.#orUnavailable(place, this.#calls.inspect(place));
  }

  /** Takes a lock from all who hold it. Resolves to how many they were. */
  async force(place: LockPlace): Promise<number> {
    const sentAt = this.clock.monotonic();
    const reply = await this.#orUnavailable(place, this.#calls.force(place));
    for (const token of reply.taken) this.#holds.get(token)?.lose("forced");
    this.#handle(place, reply, sentAt);
    const holders = reply.taken.length;
    this.#emitter.emit("lock:forced", () => ({ lock: place.name, holders }));
    return holders;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#offAvailability();
    for (const waiter of [...this.#waiters.values()]) {
      if (waiter.reject(new LockAbortedError(waiter.place.name))) this.#abandon(waiter);
    }
    for (const hold of [...this.#holds.values()]) hold.lose("closed");
    this.#watches.close();
    await this.#underWay.settle(this.clock);
    this.#giveBacks.close();
    await this.#mailbox.close(this.clock);
  }

  // What a hold asks for

  renew(hold: Hold, ttlMs: number): Promise<number | undefined> {
    return this.#calls.renew(hold.place, hold.token, ttlMs, hold.durability);
  }

  async giveBack(hold: Hold): Promise<boolean> {
    const { place, token, fence } = hold;
    const sentAt = this.clock.monotonic();
    try {
      const reply = await this.#calls.release(place, token);
      this.#handle(place, reply, sentAt);
      const heldMs = this.clock.monotonic() - hold.acquiredAt;
      this.#emitter.emit("lock:released", () => ({ lock: place.name, fence, heldMs }));
      return reply.held;
    } catch (cause) {
      this.#giveBacks.add(place, token, hold.ttlMs);
      const error = new LockUnavailableError(place.name, "store", cause);
      this.#logger.warn(
        { err: error, lock: place.name },
        "A lock could not be given back; it is tried again",
      );
      this.#emitter.emit("lock:release-failed", () => ({ lock: place.name, error }));
      throw error;
    }
  }

  ended(hold: Hold): void {
    this.#holds.delete(hold.token);
  }

  lost(hold: Hold, reason: LockLostReason): void {
    const { fence } = hold;
    const lock = hold.place.name;
    this.#logger.warn({ lock, fence, reason }, "A lock was lost");
    this.#emitter.emit("lock:lost", () => ({ lock, fence, reason }));
  }

  renewalFailed(hold: Hold, error: unknown): void {
    const { fence } = hold;
    const lock = hold.place.name;
    this.#logger.warn({ err: error, lock, fence }, "A lock could not be renewed; it is tried again");
    this.#emitter.emit("lock:renewal-failed", () => ({ lock, fence, error }));
  }

  // Waiting

  /** What befell a hold before this process could hear, it finds out by asking. */
  async #listen(): Promise<void> {
    const stood = this.#mailbox.stands;
    if (!(await this.#mailbox.listen()) || stood) return;
    for (const hold of this.#holds.values()) hold.renewNow();
  }

  /** One call that takes, enlists or claims, whichever it turns out to be. */
  async #ask(waiter: Waiter): Promise<void> {
    if (waiter.settled) return;
    if (waiter.asking) {
      waiter.askAgain = true;
      return;
    }
    waiter.asking = true;
    waiter.askAgain = false;
    const { place, token, request } = waiter;
    // Nobody enlists before its process can hear: a grant that nobody hears goes to the next.
    const queues = request.waitMs > 0 && (this.#mailbox.stands || waiter.triedOnce);
    const sentAt = this.clock.monotonic();
    let reply: AcquireReply;
    try {
      const { ttlMs, durability } = request;
      reply = await this.#underWay.follow(
        this.#calls.acquire(place, token, ttlMs, waiter.ticket, queues, durability),
      );
    } catch (error) {
      waiter.asking = false;
      this.#onFailure(waiter, error);
      return;
    }
    waiter.asking = false;
    this.#handle(place, reply, sentAt);
    if (waiter.settled) {
      // Somebody has given up meanwhile, or has had the lock by another answer and given it back before this call came through;
      // what it has brought about goes to the next.
      const leftBehind = queues || reply.fence !== undefined;
      if (leftBehind && !this.#holds.has(token)) this.#undo(place, token, request.ttlMs);
      return;
    }
    waiter.failure = undefined;
    if (reply.fence !== undefined) {
      this.#grant(waiter, reply.fence, reply.acknowledged, sentAt);
    } else if (request.waitMs === 0) {
      waiter.resolve("busy");
    } else if (!queues) {
      waiter.triedOnce = true;
      await this.#listen();
      void this.#ask(waiter);
    } else {
      waiter.ticket = reply.ticket;
      this.#room.enter(waiter, reply.nextMs);
      if (reply.missing) this.#room.askOthers(waiter);
      if (waiter.askAgain) void this.#ask(waiter);
    }
  }

  #grant(waiter: Waiter, fence: number, acknowledged: number, sentAt: number): void {
    const { place, token, request } = waiter;
    const { ttlMs, renew, durability } = request;
    const name = place.name;
    if (waiter.settled || waiter.granted) return;
    if (durability !== undefined && acknowledged < durability.replicas) {
      waiter.reject(new LockNotDurableError(name, durability.replicas, acknowledged));
      this.#undo(place, token, ttlMs);
      return;
    }
    const now = this.clock.monotonic();
    if (now >= leaseEnd(sentAt, ttlMs)) {
      waiter.reject(new LockUnavailableError(name, "late"));
      this.#undo(place, token, ttlMs);
      return;
    }
    const hold = new Hold(this, { place, token, fence, ttlMs, sentAt, renew, durability });
    this.#holds.set(token, hold);
    waiter.granted = true;
    const enter = (): void => {
      if (waiter.settled) {
        hold.release().catch(() => {});
        return;
      }
      if (!hold.held) {
        // It ended while the subscription was waited for.
        waiter.reject(new LockUnavailableError(name, "late"));
        hold.release().catch(() => {});
        return;
      }
      waiter.resolve(hold);
      this.#emitter.emit("lock:acquired", () => ({ lock: name, fence, waitedMs: now - waiter.startedAt }));
    };
    if (this.#mailbox.stands) enter();
    else this.#soon(enter);
  }

  /**
   * The first lock of a process waits for the subscription, so that its holder can hear of a loss, but not for long: it can
   * also do without.
   */
  #soon(enter: () => void): void {
    let entered = false;
    const once = (): void => {
      cancel();
      if (entered) return;
      entered = true;
      enter();
    };
    const cancel = this.clock.after(HEAR_WITHIN_MS, once);
    void this.#listen().then(once);
  }

  /**
   * The first call fails at once, and any call of a store that was closed; who is in the queue already sits an outage out, as long as it
   * wants to wait.
   */
  #onFailure(waiter: Waiter, error: unknown): void {
    const { place, token, request } = waiter;
    // It has come by another answer meanwhile: there is a hold, and nothing to give back before that is.
    if (this.#holds.has(token)) return;
    if (waiter.settled || waiter.ticket === 0 || isClosed(error)) {
      waiter.reject(new LockUnavailableError(place.name, "store", error));
      // What was never sent has brought nothing about, and a store that is closed takes nothing back.
      const idle = isClosed(error) || (waiter.ticket === 0 && isRefused(error));
      if (!idle) this.#giveBacks.add(place, token, request.ttlMs);
    } else {
      waiter.failure = error;
      this.#room.enter(waiter, -1);
    }
  }

  #timeOut(waiter: Waiter): void {
    const { failure, place } = waiter;
    const settles =
      failure === undefined
        ? waiter.resolve("timeout")
        : waiter.reject(new LockUnavailableError(place.name, "store", failure));
    if (settles) this.#abandon(waiter);
  }

  /** Somebody gave up. While a call is under way its answer decides what there is to give back. */
  #abandon(waiter: Waiter): void {
    const { place, token, request } = waiter;
    const hold = this.#holds.get(token);
    // It had come, and was not handed out yet.
    if (hold !== undefined) this.#underWay.follow(hold.release()).catch(() => {});
    else if (!waiter.asking && waiter.ticket > 0) this.#undo(place, token, request.ttlMs);
  }

  /** Gives back in the background what may stand of a token, so that it goes to the next. */
  #undo(place: LockPlace, token: string, ttlMs: number): void {
    const sentAt = this.clock.monotonic();
    const call = this.#calls.release(place, token).then(
      (reply) => this.#handle(place, reply, sentAt),
      () => this.#giveBacks.add(place, token, ttlMs),
    );
    void this.#underWay.follow(call);
  }

  // News

  #onMessage(kind: string, token: string): void {
    if (kind === "g") this.#onGranted(token);
    else if (kind === "f") this.#holds.get(token)?.lose("forced");
    else if (kind === "r") this.#holds.get(token)?.lose("released");
  }

  /** A grant is claimed: only the answer says that it still stands, and since when. */
  #onGranted(token: string): void {
    const waiter = this.#waiters.get(token);
    if (waiter !== undefined) void this.#ask(waiter);
  }

  /** `sentAt`: monotonic time before the call was sent, from which leases that it granted are counted. */
  #handle(place: LockPlace, reply: Aftermath, sentAt: number): void {
    this.#takeOwn(reply, sentAt);
    if (!this.#closed) this.#watches.add(place, reply.watchMs);
  }

  /** What others of this process waited for, the answer to this call has brought along. */
  #takeOwn({ granted }: Aftermath, sentAt: number): void {
    for (const { token, fence } of granted) {
      const waiter = this.#waiters.get(token);
      if (waiter === undefined) continue;
      // Durable it becomes by a call of its own.
      if (waiter.request.durability !== undefined) void this.#ask(waiter);
      else this.#grant(waiter, fence, 0, sentAt);
    }
  }

  async #orUnavailable<T>(place: LockPlace, call: Promise<T>): Promise<T> {
    try {
      return await call;
    } catch (cause) {
      throw new LockUnavailableError(place.name, "store", cause);
    }
  }
}

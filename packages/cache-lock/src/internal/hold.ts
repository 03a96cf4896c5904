import type { Clock } from "@crm/cache-core";
import {
  LockLostError,
  type LockLostReason,
  LockNotDurableError,
  LockNotOwnerError,
  LockUnavailableError,
} from "../errors.ts";
import type { Durability } from "./lock-calls.ts";
import type { LockPlace } from "./lock-place.ts";

/** Shares of the lease after which it is renewed: the first, a second chance, and a last one. */
const RENEW_AT = [1 / 3, 2 / 3, 5 / 6] as const;

/**
 * When a lease is over for its holder: counted from before the call that took or renewed it was sent, so earlier than for
 * the server, less a millisecond for the server's rounding and a thousandth for clocks that run apart.
 */
export function leaseEnd(sentAt: number, ttlMs: number): number {
  return sentAt + ttlMs - 1 - ttlMs / 1_000;
}

/** What a hold needs of those who made it. */
export interface HoldKeeper {
  readonly clock: Clock;
  renew(hold: Hold, ttlMs: number): Promise<number | undefined>;
  /** Gives the lock back; resolves to whether it was still held. Rejects with `LockUnavailableError`. */
  giveBack(hold: Hold): Promise<boolean>;
  /** It is not renewed any more, since it was lost or released. */
  ended(hold: Hold): void;
  lost(hold: Hold, reason: LockLostReason): void;
  renewalFailed(hold: Hold, error: unknown): void;
}

export interface HoldParameters {
  readonly place: LockPlace;
  readonly token: string;
  readonly fence: number;
  readonly ttlMs: number;
  /** Monotonic time before the call that took the lock was sent. */
  readonly sentAt: number;
  readonly renew: boolean;
  readonly durability: Durability | undefined;
}

/**
 * A lock that this process holds. It ends by release, by news that it is lost, or at the end of the last confirmed lease by
 * this process's own monotonic clock, for which no answer is needed.
 */
export class Hold {
  readonly place: LockPlace;
  readonly token: string;
  readonly fence: number;
  readonly durability: Durability | undefined;
  readonly acquiredAt: number;
  readonly #keeper: HoldKeeper;
  readonly #renews: boolean;
  #ttlMs: number;
  #confirmedAt: number;
  #leaseEnd: number;
  /** Renewals that were asked for, and the one from which the lease is counted: an older answer means nothing. */
  #asked = 0;
  #counted = 0;
  #attempt = 0;
  #cancelTimer: (() => void) | undefined;
  #state: "held" | "released" | "lost" = "held";
  #lostReason: LockLostReason | undefined;
  #controller: AbortController | undefined;
  /** Handles that share it, by re-entrancy. */
  #users = 1;

  constructor(keeper: HoldKeeper, parameters: HoldParameters) {
    const { place, token, fence, ttlMs, sentAt, renew, durability } = parameters;
    this.#keeper = keeper;
    this.place = place;
    this.token = token;
    this.fence = fence;
    this.durability = durability;
    this.acquiredAt = keeper.clock.monotonic();
    this.#renews = renew;
    this.#ttlMs = ttlMs;
    this.#confirmedAt = sentAt;
    this.#leaseEnd = leaseEnd(sentAt, ttlMs);
    this.#arm();
  }

  get ttlMs(): number {
    return this.#ttlMs;
  }

  get held(): boolean {
    return this.#state === "held" && this.#keeper.clock.monotonic() < this.#leaseEnd;
  }

  /** Milliseconds of the confirmed lease that are left, by this process's clock. */
  get leftMs(): number {
    return this.#state === "held" ? Math.max(0, this.#leaseEnd - this.#keeper.clock.monotonic()) : 0;
  }

  /** Made when it is first asked for: most holders never look. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#lostReason !== undefined) this.#controller.abort(this.#lossOf(this.#lostReason));
    }
    return this.#controller.signal;
  }

  /** A further handle shares the lock. Returns whether there still is one to share. */
  share(): boolean {
    if (!this.held) return false;
    this.#users++;
    return true;
  }

  /** The lock is gone; whoever listens to the signal is told. Without effect once it has ended. */
  lose(reason: LockLostReason): void {
    if (this.#state !== "held") return;
    this.#state = "lost";
    this.#lostReason = reason;
    this.#stop();
    this.#keeper.ended(this);
    this.#controller?.abort(this.#lossOf(reason));
    this.#keeper.lost(this, reason);
  }

  /** Asks whether the lock still stands, by renewing it. */
  renewNow(): void {
    if (this.#state === "held" && this.#renews) void this.#renew();
  }

  /** The store answers again: a renewal that has failed need not wait for its next turn. */
  renewIfLate(): void {
    if (this.#attempt > 0) this.renewNow();
  }

  /** Lets the lease begin anew. Resolves to whether the lock is still held. */
  async extend(ttlMs: number = this.#ttlMs): Promise<boolean> {
    if (this.#state === "released") throw new LockNotOwnerError(this.place.name);
    if (this.#state === "lost") return false;
    this.#ttlMs = ttlMs;
    let refusal: LockNotDurableError | undefined;
    try {
      refusal = await this.#ask();
    } catch (cause) {
      throw new LockUnavailableError(this.place.name, "store", cause);
    }
    if (refusal !== undefined) throw refusal;
    return this.held;
  }

  /** Resolves to whether it was still held. A second call resolves to `false`. */
  release(): Promise<boolean> {
    if (this.#users === 0) return Promise.resolve(false);
    this.#users--;
    if (this.#users > 0) return Promise.resolve(this.held);
    const reason = this.#lostReason;
    if (this.#state === "held") {
      this.#state = "released";
      this.#stop();
      this.#keeper.ended(this);
    }
    // The store itself has said that there is nothing left to give back.
    if (reason === "taken" || reason === "forced" || reason === "released") {
      return Promise.resolve(false);
    }
    return this.#keeper.giveBack(this);
  }

  #lossOf(reason: LockLostReason): LockLostError {
    return new LockLostError(this.place.name, this.fence, reason);
  }

  #stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  /** One timer: for the next renewal or the end of the lease, whichever comes first. */
  #arm(): void {
    this.#stop();
    const share = this.#renews ? RENEW_AT[this.#attempt] : undefined;
    // Of the lease that runs: `#ttlMs` may be that of an extension which nobody has confirmed.
    const leaseMs = this.#leaseEnd - this.#confirmedAt;
    const renewAt = share === undefined ? Number.POSITIVE_INFINITY : this.#confirmedAt + leaseMs * share;
    const due = Math.min(renewAt, this.#leaseEnd);
    this.#cancelTimer = this.#keeper.clock.after(Math.max(0, due - this.#keeper.clock.monotonic()), () => {
      const now = this.#keeper.clock.monotonic();
      if (now >= this.#leaseEnd) return this.lose("expired");
      if (now >= renewAt) {
        this.#attempt++;
        void this.#renew();
      }
      this.#arm();
    });
  }

  async #renew(): Promise<void> {
    try {
      const refusal = await this.#ask();
      if (refusal !== undefined) this.#keeper.renewalFailed(this, refusal);
    } catch (error) {
      if (this.#state === "held") this.#keeper.renewalFailed(this, error);
    }
  }

  /** Asks for a lease that begins now. Resolves to why it does not count; an answer that comes after the end means nothing. */
  async #ask(): Promise<LockNotDurableError | undefined> {
    const serial = ++this.#asked;
    const sentAt = this.#keeper.clock.monotonic();
    const end = leaseEnd(sentAt, this.#ttlMs);
    // A shorter lease counts from here: whatever becomes of the answer, the store may know of no longer one.
    if (end < this.#leaseEnd) this.#count(serial, sentAt, end);
    const acknowledged = await this.#keeper.renew(this, this.#ttlMs);
    if (this.#state !== "held") return undefined;
    if (acknowledged === undefined) {
      this.lose("taken");
      return undefined;
    }
    const { replicas = 0 } = this.durability ?? {};
    // Not confirmed: after a fail-over the lease might end earlier than it does here.
    if (acknowledged < replicas) return new LockNotDurableError(this.place.name, replicas, acknowledged);
    if (serial >= this.#counted) this.#count(serial, sentAt, end);
    return undefined;
  }

  #count(serial: number, sentAt: number, end: number): void {
    this.#counted = serial;
    this.#confirmedAt = sentAt;
    this.#leaseEnd = end;
    this.#attempt = 0;
    this.#arm();
  }
}

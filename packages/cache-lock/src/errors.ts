import { CacheError } from "@crm/cache-core";

/** A name fit for a message: at most 80 characters, without what could disturb a line of a log. */
function shown(name: string): string {
  const cut = [...name].slice(0, 80).join("");
  return JSON.stringify(cut.length < name.length ? `${cut}…` : cut);
}

function hasCode(value: unknown, code: string): boolean {
  return CacheError.isInstance(value) && value.code === code;
}

/** Somebody else holds the lock, or waits for it, and the caller did not want to wait. */
export class LockBusyError extends CacheError {
  declare readonly code: "LOCK_BUSY";
  readonly lock: string;

  constructor(lock: string) {
    super({
      code: "LOCK_BUSY",
      message: `Lock ${shown(lock)}: expected it to be free, but it is held. Try again later, or give \`wait\`.`,
      retryable: true,
    });
    this.lock = lock;
  }
  override get name(): "LockBusyError" {
    return "LockBusyError";
  }
  static override isInstance(value: unknown): value is LockBusyError {
    return hasCode(value, "LOCK_BUSY");
  }
}

/** The lock did not become the caller's within `wait`. Its place in the queue is given up. */
export class LockTimeoutError extends CacheError {
  declare readonly code: "LOCK_TIMEOUT";
  readonly lock: string;
  readonly waitMs: number;

  constructor(lock: string, waitMs: number) {
    super({
      code: "LOCK_TIMEOUT",
      message: `Lock ${shown(lock)}: expected it within ${waitMs} ms, but others held it. Try again later, or wait longer.`,
      retryable: true,
    });
    this.lock = lock;
    this.waitMs = waitMs;
  }
  override get name(): "LockTimeoutError" {
    return "LockTimeoutError";
  }
  static override isInstance(value: unknown): value is LockTimeoutError {
    return hasCode(value, "LOCK_TIMEOUT");
  }
}

/** The wait ended because `locks.close()` was called. An abort by the caller's own signal rejects with the signal's reason. */
export class LockAbortedError extends CacheError {
  declare readonly code: "LOCK_ABORTED";
  readonly lock: string;

  constructor(lock: string) {
    super({
      code: "LOCK_ABORTED",
      message: `Lock ${shown(lock)}: expected to go on waiting, but \`locks.close()\` was called. Acquire before closing.`,
    });
    this.lock = lock;
  }
  override get name(): "LockAbortedError" {
    return "LockAbortedError";
  }
  static override isInstance(value: unknown): value is LockAbortedError {
    return hasCode(value, "LOCK_ABORTED");
  }
}

/** How a lock was lost. */
export type LockLostReason =
  /** The last confirmed lease has ended by the holder's own clock: nothing could be confirmed since. */
  | "expired"
  /** The store says that it is not the holder's any more: its lease had ended there, or its keys were removed. */
  | "taken"
  /** `forceRelease` was called. */
  | "forced"
  /** Somebody who knows the lock's value gave it back. */
  | "released"
  /** `locks.close()` was called while it was held. */
  | "closed";

const LOST: Readonly<Record<LockLostReason, string>> = {
  expired: "its lease ended before a renewal was confirmed",
  taken: "the store does not know it as the holder's any more",
  forced: "it was released by force",
  released: "somebody else gave it back by its value",
  closed: "`locks.close()` was called",
};

/** The reason of `lock.signal`. The work must stop; what it may still write is refused where the fence is checked. */
export class LockLostError extends CacheError {
  declare readonly code: "LOCK_LOST";
  readonly lock: string;
  readonly fence: number;
  readonly reason: LockLostReason;

  constructor(lock: string, fence: number, reason: LockLostReason) {
    super({
      code: "LOCK_LOST",
      message: `Lock ${shown(lock)}: expected to hold it, but ${LOST[reason]}. Stop the work, acquire it again and start over.`,
    });
    this.lock = lock;
    this.fence = fence;
    this.reason = reason;
  }
  override get name(): "LockLostError" {
    return "LockLostError";
  }
  static override isInstance(value: unknown): value is LockLostError {
    return hasCode(value, "LOCK_LOST");
  }
}

/** Why nobody can say who holds the lock. */
export type LockUnavailableReason =
  /** The store did not answer. */
  | "store"
  /** The answer came when the lease that it granted was over. */
  | "late";

/** The store could not be asked, or answered too late. The lock is not the caller's; what may stand of it is given back. */
export class LockUnavailableError extends CacheError {
  declare readonly code: "LOCK_UNAVAILABLE";
  readonly lock: string;
  readonly reason: LockUnavailableReason;

  constructor(lock: string, reason: LockUnavailableReason, cause?: unknown) {
    const what =
      reason === "store" ? "the store could not be used" : "the answer came after the lease that it granted";
    super({
      code: "LOCK_UNAVAILABLE",
      message: `Lock ${shown(lock)}: expected an answer, but ${what}. Do not start the work; retry when the store is well.`,
      retryable: true,
      cause,
    });
    this.lock = lock;
    this.reason = reason;
  }
  override get name(): "LockUnavailableError" {
    return "LockUnavailableError";
  }
  static override isInstance(value: unknown): value is LockUnavailableError {
    return hasCode(value, "LOCK_UNAVAILABLE");
  }
}

/** Fewer replicas than `durability` wants have the lock. It was undone. */
export class LockNotDurableError extends CacheError {
  declare readonly code: "LOCK_NOT_DURABLE";
  readonly lock: string;
  readonly replicas: number;
  readonly acknowledged: number;

  constructor(lock: string, replicas: number, acknowledged: number) {
    super({
      code: "LOCK_NOT_DURABLE",
      message:
        `Lock ${shown(lock)}: expected ${replicas} replicas to acknowledge it, got ${acknowledged}. ` +
        "It was given back; check the replicas, or ask for fewer.",
      retryable: true,
    });
    this.lock = lock;
    this.replicas = replicas;
    this.acknowledged = acknowledged;
  }
  override get name(): "LockNotDurableError" {
    return "LockNotDurableError";
  }
  static override isInstance(value: unknown): value is LockNotDurableError {
    return hasCode(value, "LOCK_NOT_DURABLE");
  }
}

/** `extend()` of a lock that its holder has already released. */
export class LockNotOwnerError extends CacheError {
  declare readonly code: "LOCK_NOT_OWNER";
  readonly lock: string;

  constructor(lock: string) {
    super({
      code: "LOCK_NOT_OWNER",
      message: `Lock ${shown(lock)}: expected a lock that is held, but this one was released. Acquire it again.`,
    });
    this.lock = lock;
  }
  override get name(): "LockNotOwnerError" {
    return "LockNotOwnerError";
  }
  static override isInstance(value: unknown): value is LockNotOwnerError {
    return hasCode(value, "LOCK_NOT_OWNER");
  }
}

/** A guarded resource has seen a higher fence: the caller's lock was lost, and somebody else has held it since. */
export class StaleFenceError extends CacheError {
  declare readonly code: "STALE_FENCE";
  readonly resource: string;
  readonly fence: number;

  constructor(resource: string, fence: number) {
    super({
      code: "STALE_FENCE",
      message:
        `Resource ${shown(resource)}: expected the latest fence, got ${fence}, and a later holder has been here. ` +
        "Nothing was written; roll back, acquire the lock again and start over.",
    });
    this.resource = resource;
    this.fence = fence;
  }
  override get name(): "StaleFenceError" {
    return "StaleFenceError";
  }
  static override isInstance(value: unknown): value is StaleFenceError {
    return hasCode(value, "STALE_FENCE");
  }
}

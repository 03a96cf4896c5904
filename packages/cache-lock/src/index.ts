export { createLocks, type Locks } from "./create-locks.ts";
export {
  LockAbortedError,
  LockBusyError,
  LockLostError,
  type LockLostReason,
  LockNotDurableError,
  LockNotOwnerError,
  LockTimeoutError,
  LockUnavailableError,
  type LockUnavailableReason,
  StaleFenceError,
} from "./errors.ts";
export type { LockEvents } from "./events.ts";
export { createFencedValues, type FencedValue, type FencedValues } from "./fenced-values.ts";
export type { Lock } from "./lock.ts";
export { type LockActions, lockActions } from "./lock-actions.ts";
export type { LockHolder, LockInfo } from "./lock-info.ts";
export type { LockDurability, LockOptions, LocksOptions } from "./options.ts";
export {
  fenceCondition,
  type PostgresGuard,
  type PostgresGuardOptions,
  type PostgresQueryable,
  postgresGuard,
} from "./postgres-guard.ts";
export type { ReadWriteLock, ReadWriteLockSide } from "./read-write-lock.ts";
export type { PermitOptions, Semaphore, SemaphoreOptions } from "./semaphore.ts";
export type { SeveralLocks } from "./several-locks.ts";

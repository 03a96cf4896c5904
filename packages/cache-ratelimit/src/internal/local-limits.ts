import type { AtomicArgument, Clock } from "@crm/cache-core";
import { runAdjustment } from "../scripts/adjust-limits.ts";
import { runChecks } from "../scripts/check-limits.ts";
import type { StateDatabase } from "../scripts/limit-twin.ts";

const MAX_STATES = 10_000;

/**
 * Limits counted in this process while the store is away: the scripts' own TypeScript on a bounded map. The least
 * recently written state leaves first; by the process's monotonic clock.
 */
export class LocalLimits implements StateDatabase {
  readonly #clock: Clock;
  readonly #states = new Map<string, { value: Buffer; until: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#states.size;
  }

  check(args: readonly AtomicArgument[]): readonly number[] {
    return runChecks(this, "", args);
  }

  adjust(args: readonly AtomicArgument[]): void {
    if (this.#states.size > 0) runAdjustment(this, "", args);
  }

  nowMs(): number {
    return Math.floor(this.#clock.monotonic());
  }

  get(key: string): Buffer | null {
    const state = this.#states.get(key);
    if (state === undefined) return null;
    if (this.nowMs() <= state.until) return state.value;
    this.#states.delete(key);
    return null;
  }

  set(key: string, value: Buffer, until: number = Number.POSITIVE_INFINITY): void {
    this.#states.delete(key);
    this.#states.set(key, { value, until });
    if (this.#states.size <= MAX_STATES) return;
    for (const oldest of this.#states.keys()) {
      this.#states.delete(oldest);
      break;
    }
  }

  del(key: string): boolean {
    return this.#states.delete(key);
  }

  pttl(key: string): number {
    const state = this.#states.get(key);
    return state === undefined ? -2 : Math.max(0, state.until - this.nowMs());
  }
}

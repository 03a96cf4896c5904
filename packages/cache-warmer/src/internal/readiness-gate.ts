import type { Clock } from "@crm/cache-core";

/** What a readiness probe answers. */
export interface Readiness {
  /** Whether traffic may come. */
  readonly ready: boolean;
  /** `idle`: `performStartupWarming` was not called yet. */
  readonly reason: "idle" | "warming" | "warmed" | "deadline" | "closed";
  /** Priority from which on tasks are waited for; `null` before the start. */
  readonly readyAt: number | null;
  /** Tasks of that priority or a higher one that are not done. */
  readonly remaining: number;
  /** Those that have failed, here or elsewhere: they hold nobody up. */
  readonly failed: number;
  /** Ms from the start until it opened; `null` until then. */
  readonly openedAfter: number | null;
}

/** How far the urgent tasks are. */
export type UrgentTasks = Pick<Readiness, "remaining" | "failed">;

const NONE: UrgentTasks = { remaining: 0, failed: 0 };

/** Opens once: when the urgent tasks have ended, or at the deadline. */
export class ReadinessGate {
  readonly #clock: Clock;
  #state: Readiness = { ready: false, reason: "idle", readyAt: null, ...NONE, openedAfter: null };
  #waiting: (() => void)[] = [];
  #began = 0;
  #look: () => UrgentTasks = () => NONE;
  #cancelDeadline: () => void = () => {};
  #onOpen: (readiness: Readiness) => void = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get state(): Readiness {
    if (this.#state.reason !== "warming") return this.#state;
    return { ...this.#state, ...this.#look() };
  }

  /** Begins to wait. A gate that is open stays open. */
  begin(
    readyAt: number,
    deadlineMs: number,
    look: () => UrgentTasks,
    onOpen: (readiness: Readiness) => void,
  ): void {
    if (this.#state.ready) return;
    this.#cancelDeadline();
    this.#began = this.#clock.monotonic();
    this.#look = look;
    this.#onOpen = onOpen;
    this.#state = { ready: false, reason: "warming", readyAt, ...look(), openedAfter: null };
    this.#cancelDeadline = this.#clock.after(deadlineMs, () => this.#open("deadline"));
    this.look();
  }

  /** Tasks have ended. */
  look(): void {
    if (this.#state.reason === "warming" && this.#look().remaining === 0) this.#open("warmed");
  }

  whenOpen(): Promise<Readiness> {
    if (this.#state.ready || this.#state.reason === "closed") return Promise.resolve(this.#state);
    return new Promise((resolve) => this.#waiting.push(() => resolve(this.#state)));
  }

  /** Lets go who waits. A gate that is open stays open. */
  close(): void {
    this.#cancelDeadline();
    if (!this.#state.ready) this.#state = { ...this.state, reason: "closed" };
    this.#release();
  }

  #open(reason: "warmed" | "deadline"): void {
    this.#cancelDeadline();
    const openedAfter = Math.round(this.#clock.monotonic() - this.#began);
    this.#state = { ...this.#state, ...this.#look(), ready: true, reason, openedAfter };
    this.#look = () => NONE;
    this.#release();
    this.#onOpen(this.#state);
  }

  #release(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

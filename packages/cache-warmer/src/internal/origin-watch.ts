import type { Clock, TypedEmitter } from "@crm/cache-core";
import type { WarmerEvents } from "../events.ts";
import type { GradientLimiter, LoadEnd } from "./gradient-limiter.ts";

/** A look that comes later than this, or answers that may have waited as long, say nothing of the origin. */
const LATE_MS = 5;

/** Tells the limiter of loads: when they begin, how they end, and that they do not. */
export class OriginWatch {
  readonly #limiter: GradientLimiter;
  readonly #clock: Clock;
  readonly #emitter: TypedEmitter<WarmerEvents>;
  readonly #gauge: { readonly inFlight: number };
  #underWay = 0;
  #cancel: (() => void) | undefined;
  #suspected = false;

  constructor(
    limiter: GradientLimiter,
    clock: Clock,
    emitter: TypedEmitter<WarmerEvents>,
    gauge: { readonly inFlight: number },
  ) {
    this.#limiter = limiter;
    this.#clock = clock;
    this.#emitter = emitter;
    this.#gauge = gauge;
  }

  /** A load begins. Call what is returned when it has ended. */
  begin(task: string, category: string): (how?: LoadEnd) => void {
    const load = this.#limiter.begin(task, category, this.#clock.monotonic());
    this.#underWay++;
    if (load.overdueAt < Number.POSITIVE_INFINITY) this.#lookLater();
    return (how) => {
      const judged = this.#limiter.end(load, this.#gauge.inFlight, this.#clock.monotonic(), how);
      if (--this.#underWay === 0) this.#stop();
      if (judged) this.#tell();
    };
  }

  /** One timer at a time, for the moment at which most of the loads would be overdue. */
  #lookLater(): void {
    if (this.#cancel !== undefined) return;
    const at = this.#limiter.overdueAt;
    if (at === Number.POSITIVE_INFINITY) return;
    this.#lookAt(Math.max(at, this.#clock.monotonic() + LATE_MS));
  }

  #lookAt(at: number): void {
    this.#cancel = this.#clock.after(at - this.#clock.monotonic(), () => {
      this.#cancel = undefined;
      this.#look(at);
    });
  }

  /**
   * A pause of this process must not pass for one of the origin: timers come before the answers that arrived meanwhile. So it looks twice,
   * and a look that is late itself counts for nothing.
   */
  #look(dueAt: number): void {
    const now = this.#clock.monotonic();
    if (this.#limiter.overdueAt > now) {
      this.#suspected = false;
      this.#lookLater();
      return;
    }
    if (this.#suspected && now - dueAt <= LATE_MS) {
      this.#suspected = false;
      this.#limiter.giveWay(now);
      this.#tell();
      return;
    }
    this.#suspected = now - dueAt <= LATE_MS;
    this.#lookAt(now + LATE_MS);
  }

  #stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#suspected = false;
  }

  #tell(): void {
    this.#emitter.emit("limiter:window", () => this.#limiter.state);
  }
}

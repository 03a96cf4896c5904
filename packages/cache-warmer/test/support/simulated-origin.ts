import type { Clock } from "@crm/cache-core";
import { TypedEmitter } from "@crm/cache-core";
import { seededRandom } from "@crm/testkit";
import { WARMER_EVENTS, type WarmerEvents } from "../../src/events.ts";
import { GradientLimiter, type LimiterState } from "../../src/internal/gradient-limiter.ts";
import { OriginWatch } from "../../src/internal/origin-watch.ts";
import { EventQueue } from "./event-queue.ts";

/** An origin, who reads from it, and who warms. */
export interface Simulation {
  readonly seed: number;
  /** What a query takes that is alone, how many have room, and how often somebody reads. */
  readonly workMs: number;
  readonly capacity: number;
  readonly readEveryMs: number;
  /** Reads come at random (Poisson), so often on average; else evenly. */
  readonly atRandom?: boolean;
  /** How far durations are scattered: of the logarithm. */
  readonly jitter?: number;
  /** Timers are late by up to so much, and one in a hundred by up to ten times as much. */
  readonly lateMs?: number;
  readonly windowMs?: number;
  /** So many tasks that are loaded again and again; else each is loaded once. */
  readonly tasks?: number;
  readonly warming: boolean;
  readonly initial?: number;
}

export const MAX_PARALLEL = 16;

/** Live reads and loads share an origin that lets each query take longer when more than its capacity are under way. */
export class SimulatedOrigin {
  readonly events: EventQueue = new EventQueue();
  readonly reads: { readonly began: number; readonly ms: number }[] = [];
  readonly windows: (LimiterState & { readonly at: number })[] = [];
  capacity: number;
  workMs: number;
  loads = 0;
  readonly #simulation: Simulation;
  readonly #unit: () => number;
  #inFlight = 0;

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
    this.capacity = simulation.capacity;
    this.workMs = simulation.workMs;
    const random = seededRandom(simulation.seed);
    this.#unit = () => random.int(1, 1_000_000) / 1_000_001;
    this.#read();
    if (simulation.warming) this.#warm();
  }

  /** Runs for so long. Returns when that began and ended. */
  run(ms: number): { readonly from: number; readonly until: number } {
    const from = this.events.now;
    this.events.run(from + ms);
    return { from, until: this.events.now };
  }

  #timer(ms: number, act: () => void): () => void {
    const lateMs = this.#simulation.lateMs ?? 0.3;
    const late = lateMs * (this.#unit() + (this.#unit() < 0.01 ? 10 * this.#unit() : 0));
    return this.events.after(Math.max(1, Math.ceil(ms)) + late, act);
  }

  #query(done: () => void): void {
    this.#inFlight++;
    const gauss = Math.sqrt(-2 * Math.log(this.#unit())) * Math.cos(2 * Math.PI * this.#unit());
    const share = Math.max(1, this.#inFlight / this.capacity);
    this.#timer(this.workMs * Math.exp((this.#simulation.jitter ?? 0) * gauss) * share, () => {
      this.#inFlight--;
      done();
    });
  }

  #read(): void {
    const began = this.events.now;
    this.#query(() => this.reads.push({ began, ms: this.events.now - began }));
    const { readEveryMs, atRandom = false } = this.#simulation;
    if (atRandom) this.events.after(-readEveryMs * Math.log(this.#unit()), () => this.#read());
    else this.#timer(readEveryMs, () => this.#read());
  }

  #warm(): void {
    const { windowMs = 100, initial, tasks = Number.POSITIVE_INFINITY } = this.#simulation;
    const limiter = new GradientLimiter({ min: 1, windowMs, tolerance: 1.3, initial });
    limiter.fit(MAX_PARALLEL);
    const gauge = { inFlight: 0 };
    const clock = {
      monotonic: () => this.events.now,
      after: (ms: number, act: () => void) => this.#timer(ms, act),
    } as Clock;
    const emitter = new TypedEmitter<WarmerEvents>(WARMER_EVENTS, () => {});
    const watch = new OriginWatch(limiter, clock, emitter, gauge);
    let begun = 0;
    const fill = (): void => {
      while (gauge.inFlight < limiter.limit) {
        gauge.inFlight++;
        // The lease of its key.
        this.events.after(0.3, () => {
          const end = watch.begin(`t${begun++ % tasks}`, "c");
          this.#query(() => {
            end("loaded");
            gauge.inFlight--;
            this.loads++;
            fill();
          });
        });
      }
    };
    emitter.on("limiter:window", (state) => {
      this.windows.push({ ...state, at: this.events.now });
      fill();
    });
    this.events.after(1, fill);
  }
}

import { DeadlineQueue } from "./deadline-queue.ts";

/** At most one `PING` a second; none where messages arrive anyway, or few. */
const EVERY_MS = 1_000;

/** What a heartbeat asks, and whom it tells. */
export interface Patient {
  ping(): Promise<unknown>;
  /** An answer came. */
  onAlive(): void;
  /** None came in time. Called once; the heartbeat of this patient has then ended. */
  onSilent(): void;
}

/**
 * Asks a connection that mostly listens whether it is alive. A peer that is gone without a word sends nothing, not even
 * an end, so that nobody else would notice.
 *
 * An answer is judged after the event loop had its chance to read (`DeadlineQueue`), and any message counts as one.
 */
export class Heartbeat {
  readonly #deadlines: DeadlineQueue;
  #timer: NodeJS.Timeout | undefined;
  /** Tells the answers of an earlier patient from those of this one. */
  #round = 0;
  #heardSince = false;
  /** Turns in a row in which a message was answer enough, and how many they may be. */
  #spared = 0;
  readonly #mostSpared: number;

  constructor(deadlineMs: number, mostSpared: number = Number.POSITIVE_INFINITY) {
    this.#deadlines = new DeadlineQueue(deadlineMs);
    this.#mostSpared = mostSpared;
  }

  get running(): boolean {
    return this.#timer !== undefined;
  }

  /** Watches a patient in place of the one before. */
  start(patient: Patient): void {
    this.stop();
    const round = this.#round;
    this.#timer = setInterval(() => this.#ask(patient, round), EVERY_MS);
    this.#timer.unref();
  }

  stop(): void {
    this.#round++;
    this.#heardSince = false;
    this.#spared = 0;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#deadlines.clear();
  }

  /** Something came from the other side. */
  heard(): void {
    this.#heardSince = true;
  }

  #ask(patient: Patient, round: number): void {
    const spared = this.#heardSince && this.#spared < this.#mostSpared;
    this.#heardSince = false;
    this.#spared = spared ? this.#spared + 1 : 0;
    if (spared) return;
    const deadline = this.#deadlines.add(() => {
      if (round !== this.#round || this.#heardSince) return;
      this.stop();
      patient.onSilent();
    });
    patient.ping().then(
      () => {
        deadline.settled = true;
        if (round === this.#round) patient.onAlive();
      },
      () => {
        // The connection ended, which is told by itself; or refuses, which is an answer.
        deadline.settled = true;
      },
    );
  }
}

import type { BulkFlow, FlowSample } from "./bulk-flow.ts";
import type { DeadlineHandle, DeadlineQueue } from "./deadline-queue.ts";

/** The deadline of one call, which may move; `settled` of what is current takes it back. */
export interface CallDeadline {
  readonly current: DeadlineHandle;
}

/** Deadlines of calls, which pass later while large values are on their way. */
export class CallDeadlines {
  readonly #flow: BulkFlow;
  readonly #isClosed: () => boolean;

  constructor(flow: BulkFlow, isClosed: () => boolean) {
    this.#flow = flow;
    this.#isClosed = isClosed;
  }

  /**
   * That of a call that was sent at `sentAt`.
   *
   * @param sample what the connection had carried before it
   */
  add(queue: DeadlineQueue, sentAt: number, sample: FlowSample, passed: () => void): CallDeadline {
    const flow = this.#flow;
    let before = sample;
    let overdueSince: number | undefined;
    const expire = (): void => {
      const now = flow.look();
      overdueSince ??= now.at;
      const moves = flow.allowanceMs(before, now, sample) > 0;
      before = now;
      const isOver = this.#isClosed() || (!moves && now.at - overdueSince >= flow.allowanceMs(sample, now));
      if (isOver) passed();
      else deadline.current = queue.add(expire);
    };
    const deadline = { current: queue.add(expire, sentAt) };
    return deadline;
  }
}

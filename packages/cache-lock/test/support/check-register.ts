/** One write to a fenced register as its client saw it. Times are of one clock for all. */
export interface RegisterWrite {
  readonly fence: number;
  readonly value: string;
  readonly accepted: boolean;
  /** What the register held before. */
  readonly seen: string;
  readonly asked: number;
  readonly answered: number;
}

/**
 * Whether a history of writes to a fenced register is linearizable: whether there is an order of the writes that agrees
 * with real time (a write that was answered before another was asked comes first), in which each finds the value of the last
 * accepted one before it, and is accepted exactly when its fence is not lower than all accepted ones before.
 *
 * Values are unique, so `seen` names the predecessor of each accepted write: the order of the accepted ones is a chain, and a
 * refused one lies directly behind the write that it saw. What is left to check is linear in the history, where the general problem
 * (Wing and Gong 1993) is exponential.
 *
 * Writes of clients that died are in no answer; `unanswered` are the values that the register may hold all the same.
 * Returns what is wrong, or nothing.
 */
export function checkRegister(
  history: readonly RegisterWrite[],
  unanswered: ReadonlyMap<string, { readonly fence: number; readonly seen: string }> = new Map(),
): string[] {
  const wrong: string[] = [];
  const inOrder = [...history].sort((a, b) => a.asked - b.asked);
  const next = new Map<string, { value: string; fence: number; write: RegisterWrite | undefined }>();
  const refused = new Map<string, RegisterWrite[]>();
  const link = (seen: string, value: string, fence: number, write: RegisterWrite | undefined): void => {
    const other = next.get(seen);
    if (other !== undefined) wrong.push(`${value} and ${other.value} both replaced ${JSON.stringify(seen)}`);
    next.set(seen, { value, fence, write });
  };
  for (const write of inOrder) {
    if (write.accepted) link(write.seen, write.value, write.fence, write);
    else refused.set(write.seen, [...(refused.get(write.seen) ?? []), write]);
  }
  for (const [value, { fence, seen }] of unanswered) link(seen, value, fence, undefined);

  // Along the chain: fences grow, and nothing stands before what was answered before it was asked.
  let highest = 0;
  let latestAsked = Number.NEGATIVE_INFINITY;
  let placed = 0;
  const place = (write: RegisterWrite | undefined): void => {
    placed++;
    if (write === undefined) return;
    if (write.answered < latestAsked)
      wrong.push(`${write.value} was answered before one that stands earlier was asked`);
    latestAsked = Math.max(latestAsked, write.asked);
  };
  let value = "";
  for (let more = true; more; ) {
    for (const write of refused.get(value) ?? []) {
      if (write.fence >= highest)
        wrong.push(`${write.value} was refused with fence ${write.fence}, not below ${highest}`);
      place(write);
    }
    const link = next.get(value);
    if (link === undefined) more = false;
    else {
      if (link.fence < highest)
        wrong.push(`${link.value} was accepted with the stale fence ${link.fence} after ${highest}`);
      highest = Math.max(highest, link.fence);
      place(link.write);
      value = link.value;
      next.delete(value === "" ? "" : (link.write?.seen ?? ""));
      if (placed > history.length + unanswered.size) break;
    }
  }
  if (placed !== history.length + unanswered.size) {
    wrong.push(`${history.length + unanswered.size - placed} writes have no place in the order`);
  }
  return wrong;
}

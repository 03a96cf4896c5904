import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { DeadlineQueue } from "./deadline-queue.ts";

describe("DeadlineQueue", () => {
  it("expires what was not settled, in the order in which it came", async () => {
    const queue = new DeadlineQueue(10);
    const expired: string[] = [];
    queue.add(() => expired.push("a"));
    const settled = queue.add(() => expired.push("never"));
    queue.add(() => expired.push("b"));
    settled.settled = true;
    await sleep(40);
    expect(expired).toEqual(["a", "b"]);
    queue.add(() => expired.push("c"));
    await sleep(40);
    expect(expired).toEqual(["a", "b", "c"]);
  });

  it("does not judge before the event loop could read what arrived while it was busy", async () => {
    const queue = new DeadlineQueue(10);
    let expired = false;
    const waiting = queue.add(() => {
      expired = true;
    });
    // An answer that is there already when the loop gets round to it.
    setImmediate(() => {
      waiting.settled = true;
    });
    const until = performance.now() + 30;
    while (performance.now() < until);
    await sleep(20);
    expect(expired).toBe(false);
  });

  it("forgets everything when it is cleared", async () => {
    const queue = new DeadlineQueue(5);
    let expired = false;
    queue.add(() => {
      expired = true;
    });
    queue.clear();
    await sleep(20);
    expect(expired).toBe(false);
  });
});

import { expect, test, vi } from "vitest";
import { expectNoPending } from "./expect-no-pending.ts";

test("passes when nothing is outstanding", async () => {
  await expectNoPending();
  await expectNoPending({ pending: () => 0 }, { name: "cache", pending: () => ({ fills: 0 }) });
});

test("names every source and kind that is not done", async () => {
  const check = expectNoPending(
    { pending: () => 1 },
    { name: "cache", pending: () => ({ fills: 2, timers: 0, waiters: 3 }) },
  );
  await expect(check).rejects.toThrow("Still pending: source: 1, cache: 2 fills, cache: 3 waiters");
});

test("grants one turn of the event loop", async () => {
  let outstanding = 1;
  setImmediate(() => {
    outstanding = 0;
  });
  await expectNoPending({ pending: () => outstanding });
});

test("works under fake timers", async () => {
  vi.useFakeTimers();
  try {
    await expectNoPending({ pending: () => 0 });
  } finally {
    vi.useRealTimers();
  }
});

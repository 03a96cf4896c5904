import { expect, test } from "vitest";
import { waitFor } from "./wait-for.ts";

test("returns the first truthy value, and lets the event loop run meanwhile", async () => {
  let value = 0;
  setTimeout(() => {
    value = 7;
  }, 20);
  expect(await waitFor(() => value)).toBe(7);
});

test("takes a throw and a rejection for not yet", async () => {
  let attempts = 0;
  const done = await waitFor(async () => {
    attempts += 1;
    if (attempts < 3) throw new Error("not yet");
    return "done";
  });
  expect(done).toBe("done");
});

test("gives up with the description and the last error", async () => {
  const never = waitFor(() => Promise.reject(new Error("still down")), {
    timeoutMs: 30,
    description: "the server",
  });
  await expect(never).rejects.toThrow("Not within 30 ms: the server");
  await expect(never).rejects.toHaveProperty("cause.message", "still down");
});

test("tries at least once, and names the predicate when nothing else is said", async () => {
  expect(await waitFor(() => true, { timeoutMs: 0 })).toBe(true);
  await expect(waitFor(() => 1 > 2, { timeoutMs: 0 })).rejects.toThrow("() => 1 > 2");
});

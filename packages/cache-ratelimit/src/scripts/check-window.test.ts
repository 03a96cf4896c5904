import { type AtomicOperation, memoryStore } from "@crm/cache-core";
import { seededRandom } from "@crm/testkit";
import { expect, it } from "vitest";
import { HISTORIES, OPERATIONS, READ } from "../../test/support/compare-calls.ts";
import { adjustLimits } from "./adjust-limits.ts";
import { checkLimits, readChecks } from "./check-limits.ts";
import { checkWindow, readWindow } from "./check-window.ts";

it("one window: decides and leaves behind what the script for any rules does", async () => {
  let alone = 0;
  for (let history = 0; history < HISTORIES; history++) {
    const random = seededRandom(`window/${history}`);
    let now = 1_800_000_000_000;
    const store = memoryStore({ clock: { wall: () => now, monotonic: () => 0, after: () => () => {} } });
    const run = (operation: AtomicOperation, key: string, args: readonly (string | number)[]) =>
      store.run(operation, [key], args);
    const windowMs = random.pick([1, 50, 1_000]);
    const plan = (limit: number, shadow: 0 | 1 = 0) =>
      JSON.stringify([1, ["w", "f", limit, windowMs, 0, 0, shadow, 1, ""]]);

    for (let n = 0; n < OPERATIONS; n++) {
      // Now and then the server's clock is set back, or every hit has left.
      now += random.chance(0.05) ? -random.int(1, 2_000) : random.pick([0, 1, 20, 600]);
      const limit = random.pick([3, 3, 3, 1, 10]);
      const cost = random.int(1, 4);
      if (random.chance(0.2)) {
        const what = random.pick(["give", "penalty", "block", "unblock", "reset"]);
        for (const side of ["a:", "b:"]) await run(adjustLimits, side, [what, cost, "", plan(limit), "u"]);
        continue;
      }
      const shadow = random.chance(0.2) ? 1 : 0;
      const asked = [plan(limit, shadow), cost, "u"];
      const [, ...expected] = readChecks(await run(checkLimits, "b:", asked), 4) as number[];
      const quick = readWindow(await run(checkWindow, "a:w:u", [cost, limit, windowMs]));
      if (quick !== null) alone++;
      const reply = quick ?? (readChecks(await run(checkLimits, "a:", asked), 4) as number[]).slice(1);
      expect(reply, `history ${history}, operation ${n}`).toEqual(expected);
      const [a, b] = await Promise.all(["a:w:u", "b:w:u"].map((key) => store.run(READ, [key], [])));
      expect(a, `history ${history}, operation ${n}`).toEqual(b);
    }
    await store.close();
  }
  // It was worth something.
  expect(alone).toBeGreaterThan((HISTORIES * OPERATIONS) / 3);
});

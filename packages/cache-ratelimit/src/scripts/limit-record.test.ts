import { type AtomicOperation, memoryStore } from "@crm/cache-core";
import { seededRandom } from "@crm/testkit";
import { expect, it } from "vitest";
import { HISTORIES, OPERATIONS, READ } from "../../test/support/compare-calls.ts";
import { adjustLimits } from "./adjust-limits.ts";
import { cancelPlace } from "./cancel-place.ts";
import { checkLimits } from "./check-limits.ts";
import type { Kind, WireRule } from "./plan.ts";
import { reservePlace } from "./reserve-place.ts";
import { readDoubles } from "./state/bytes.ts";

it("rules in a record are judged as rules with keys of their own", async () => {
  let stored = 0;
  for (let history = 0; history < HISTORIES; history++) {
    const random = seededRandom(`record/${history}`);
    let now = 1_800_000_000_000;
    const clock = { wall: () => now, monotonic: () => 0, after: () => () => {} };
    const stores = [memoryStore({ clock }), memoryStore({ clock })] as const;
    const rules = Array.from({ length: random.int(2, 5) }, (_, i) => ({
      name: `r${i}`,
      kind: random.pick(["f", "b", "c", "l"] as const satisfies Kind[]),
      limit: random.int(1, 8),
      windowMs: random.pick([1, 50, 1_000, 60_000]),
      weight: random.pick([1, 50, 1_000]),
      drain: random.pick([1, 3]),
      shadow: random.chance(0.15) ? (1 as const) : (0 as const),
    }));
    // Other instances have fewer rules, or have them in another order.
    const subsets = [rules, rules, rules.slice(1), [...rules].reverse()];
    const planOf = (of: typeof rules, record: string): string =>
      JSON.stringify([
        1,
        ...of.map(({ name, kind, limit, windowMs, weight, drain, shadow }): WireRule => {
          const [x, y] = kind === "b" ? [weight, drain] : [1, 0];
          return [`l/${name}`, kind, limit, windowMs, x, y, shadow, 1, kind === "l" ? "" : record];
        }),
      ]);
    const ids: string[] = [];
    for (let n = 0; n < OPERATIONS; n++) {
      // Never back: a state that is over leaves a key of its own at once, and a record when that is written.
      now += random.pick([0, 0, 1, 20, 600]);
      const of = random.pick(subsets);
      // A limiter sends no cost above its limits.
      const cost = random.int(1, Math.min(3, ...rules.map(({ limit }) => limit)));
      const both = async (operation: AtomicOperation, args: (record: string) => (string | number)[]) => {
        const replies = await Promise.all(
          stores.map((store, i) => store.run(operation, ["p:"], args(i === 0 ? "l" : ""))),
        );
        // Each begins with the server's time, in which the memory store tells its steps apart.
        const [inRecord, apart] = replies.map((reply) =>
          Buffer.isBuffer(reply)
            ? readDoubles(reply, reply.length / 8)?.slice(1)
            : (reply as number[]).slice(1),
        );
        expect(inRecord, `history ${history}, operation ${n}: ${operation.name}`).toEqual(apart);
      };
      const kind = random.int(0, 9);
      if (kind < 6) {
        const costs = Array.from({ length: random.int(1, 3) }, () => random.pick([cost, cost, -cost]));
        await both(checkLimits, (record) => costs.flatMap((each) => [planOf(of, record), each, "u"]));
      } else if (kind === 6) {
        const what = random.pick(["give", "penalty", "block", "unblock", "reset"]);
        await both(adjustLimits, (record) => [what, cost, "", planOf(of, record), "u"]);
      } else if (kind < 9) {
        ids.push(`p${n}`);
        await both(reservePlace, (record) => ["q", `p${n}`, "ch", cost, 5_000, 9, planOf(of, record), "u"]);
      } else if (ids.length > 0) {
        const id = random.pick(ids);
        await both(cancelPlace, () => ["q", id]);
      }
      const [bytes] = (await stores[0].run(READ, ["p:l:u"], [])) as [Buffer | null];
      if (bytes !== null) stored++;
    }
    await Promise.all(stores.map((store) => store.close()));
  }
  // It was worth something.
  expect(stored).toBeGreaterThan((HISTORIES * OPERATIONS) / 2);
});

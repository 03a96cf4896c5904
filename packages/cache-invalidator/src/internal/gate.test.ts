import { expect, it } from "vitest";
import { Gate } from "./gate.ts";

it("lets so many through at a time, in the order in which they came, also after failures", async () => {
  const gate = new Gate(3);
  const order: number[] = [];
  let inside = 0;
  let most = 0;
  const outcomes = await Promise.allSettled(
    Array.from({ length: 10 }, (_, i) =>
      gate.pass(async () => {
        most = Math.max(most, ++inside);
        order.push(i);
        await new Promise((resolve) => setImmediate(resolve));
        inside--;
        if (i % 2 === 1) throw new Error("odd");
        return i;
      }),
    ),
  );
  expect([most, inside, order]).toEqual([3, 0, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]]);
  expect(outcomes.filter(({ status }) => status === "rejected").length).toBe(5);
  expect(await gate.pass(async () => "again")).toBe("again");
});

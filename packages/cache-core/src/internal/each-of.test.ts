import { describe, expect, it } from "vitest";
import { eachOf } from "./each-of.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("eachOf", () => {
  it("gives results in the order of the items, with at most 32 steps under way", async () => {
    let running = 0;
    let most = 0;
    const items = Array.from({ length: 100 }, (_, n) => n);
    const results = await eachOf(items, async (n) => {
      most = Math.max(most, ++running);
      for (let turns = n % 3; turns >= 0; turns--) await turn();
      running--;
      return n * 2;
    });
    expect([results, most]).toEqual([items.map((n) => n * 2), 32]);
    expect(await eachOf([], async () => 1)).toEqual([]);
  });

  it("rejects with the first failure, and begins nothing after it", async () => {
    let begun = 0;
    const failing = eachOf(
      Array.from({ length: 1_000 }, (_, n) => n),
      async (n) => {
        begun++;
        await turn();
        if (n === 5) throw new Error("five");
      },
    );
    await expect(failing).rejects.toThrow("five");
    await turn();
    expect(begun).toBeLessThan(100);
  });
});

import { memoryStore } from "@crm/cache-core";
import { seededRandom } from "@crm/testkit";
import { expect, it } from "vitest";
import { HISTORIES, OPERATIONS } from "../../test/support/compare-calls.ts";
import { createReferenceModel } from "../testing/reference-model.ts";
import { readWindow } from "./check-window.ts";
import { countHit, countHits, lookAtHits, readHits, readLook } from "./count-hits.ts";

it("hits are decided as the definition of a fixed window decides them, one by one or together", async () => {
  let refused = 0;
  for (let history = 0; history < HISTORIES; history++) {
    const random = seededRandom(`hits/${history}`);
    let now = 1_800_000_000_000;
    const store = memoryStore({ clock: { wall: () => now, monotonic: () => 0, after: () => () => {} } });
    const limit = random.int(1, 8);
    const windowMs = random.pick([1, 50, 1_000]);
    const models = new Map(
      ["u", "v"].map((key) => [
        key,
        createReferenceModel({ algorithm: "fixed-window", limit, window: `${windowMs}ms` }),
      ]),
    );
    const expected = (key: string): boolean => {
      const model = models.get(key);
      const fits = model?.fits(now, 1) === true;
      if (fits) model?.spend(now, 1);
      else refused++;
      return fits;
    };
    for (let n = 0; n < OPERATIONS; n++) {
      now += random.pick([0, 0, 1, 20, 600]);
      const where = `history ${history}, operation ${n}`;
      if (random.chance(0.5)) {
        const figures = readWindow(await store.run(countHit, ["u"], [limit, windowMs]));
        expect(figures?.[2] === 0, where).toBe(expected("u"));
      } else {
        const keys = Array.from({ length: random.int(1, 5) }, () => random.pick(["u", "v"]));
        const args = keys.flatMap(() => [limit, windowMs]);
        const figures = readHits(await store.run(countHits, keys, args), keys.length) as number[];
        keys.forEach((key, i) => {
          expect(figures[3 * i + 2] === 0, where).toBe(expected(key));
        });
      }
      const [count, leftMs] = readLook(await store.run(lookAtHits, ["u"], []));
      const room = Array.from({ length: limit }, (_, i) => models.get("u")?.fits(now, i + 1)).filter(Boolean);
      expect(limit - count, where).toBe(room.length);
      expect(leftMs).toBeLessThanOrEqual(windowMs);
    }
    await store.close();
  }
  expect(refused).toBeGreaterThan(HISTORIES * 5);
});

it("what is no reply of a store is told as such", () => {
  expect(() => readLook("OK" as never)).toThrow(expect.objectContaining({ code: "STORE_REPLY" }));
  expect(readHits("OK" as never, 1)).toBeNull();
});

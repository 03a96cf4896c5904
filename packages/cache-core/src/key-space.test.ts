import { describe, expect, it } from "vitest";
import { crc16 } from "./internal/crc16.ts";
import { KeySpace } from "./key-space.ts";

const slotOf = (name: string): number => {
  const open = name.indexOf("{");
  return crc16(name.slice(open + 1, name.indexOf("}", open))) % 16_384;
};

describe("KeySpace", () => {
  it("has no hash tags with one bucket", () => {
    const keys = new KeySpace("crm", 1);
    expect([keys.entry("{a}:1"), keys.leases(0), keys.index(0), keys.bus, keys.wakeChannel("p")]).toEqual([
      "crm:1e:{a}:1",
      "crm:1l",
      "crm:1i",
      "crm:1b",
      "crm:1w:p",
    ]);
  });

  it.each([2, 3, 16, 256])(
    "puts what belongs together into one slot, and %i buckets evenly apart",
    (buckets) => {
      const keys = new KeySpace("crm", buckets);
      const slots = new Set<number>();
      for (let bucket = 0; bucket < buckets; bucket++) {
        slots.add(Math.floor((slotOf(keys.index(bucket)) * buckets) / 16_384));
        expect(slotOf(keys.leases(bucket))).toBe(slotOf(keys.entryPrefix(bucket)));
      }
      expect(slots.size).toBe(buckets);
      for (const key of ["a", "{b}", "š", "}{", "{}"]) {
        expect(slotOf(keys.entry(key))).toBe(slotOf(keys.index(keys.bucketOf(key))));
        expect(slotOf(keys.leases(keys.bucketOf(key)))).toBe(slotOf(keys.entry(key)));
      }
    },
  );

  it("spreads keys over its buckets whatever braces they have", () => {
    const keys = new KeySpace("crm", 16);
    const used = new Set(Array.from({ length: 500 }, (_, i) => keys.bucketOf(`{same}:${i}`)));
    expect(used.size).toBe(16);
  });
});

import { seededRandom } from "@crm/testkit";
import { describe, expect, it } from "vitest";
import { ABOVE_EVERY_CHARACTER } from "../utf8-order.ts";
import { SortedMembers } from "./sorted-members.ts";

const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** All of it, through the same walk that ranges take. */
const all = (set: SortedMembers): string[] =>
  set.order.slice(set.order.start(), set.order.end(), 0, Infinity);

describe("SortedMembers", () => {
  it("ends the range of a prefix with a bound above every character", () => {
    const set = new SortedMembers();
    const inside = ["p", "pa", "p\uffff", "p\u{10ffff}", "p\u{10ffff}\u{10ffff}"];
    for (const member of [...inside, "o", "o\u{10ffff}", "q"]) set.set(member, 0);
    const from = set.order.lexBound("p", true);
    expect(set.order.slice(from, set.order.lexBound(`p${ABOVE_EVERY_CHARACTER}`, true), 0, Infinity)).toEqual(
      inside,
    );
  });

  const alphabets = { plain: [..."abcdefgh:"], unicode: [..."ab", "š", "\ue000", "\uffff", "😀"] };

  for (const [name, alphabet] of Object.entries(alphabets)) {
    it(`is a sorted list after any history, ${name}`, () => {
      const random = seededRandom(7);
      const word = (): string =>
        Array.from({ length: random.int(0, 7) }, () => random.pick(alphabet)).join("");
      const set = new SortedMembers();
      const model = new Map<string, number>();
      for (let i = 0; i < 30_000; i++) {
        // Grows to some thousands, shrinks to almost nothing, grows again.
        const grows = Math.floor(i / 7_500) % 2 === 0;
        const member = word();
        if (random.chance(grows ? 0.8 : 0.2)) {
          const score = random.int(0, 3);
          expect(set.set(member, score)).toBe(!model.has(member));
          model.set(member, score);
        } else {
          const doomed = grows ? member : (model.keys().next().value ?? member);
          expect(set.delete(doomed)).toBe(model.delete(doomed));
        }
        if (i % 2_500 === 0) {
          const sorted = [...model].sort(([a, x], [b, y]) => x - y || byBytes(a, b)).map(([text]) => text);
          expect(all(set)).toEqual(sorted);
          expect(set.order.sliceReversed(set.order.start(), set.order.end(), 0, Infinity)).toEqual(
            sorted.reverse(),
          );
          expect(set.size).toBe(model.size);
        }
      }
    });

    it(`finds any range, offset and count, ${name}`, () => {
      const random = seededRandom(8);
      const word = (): string =>
        Array.from({ length: random.int(0, 6) }, () => random.pick(alphabet)).join("");
      const set = new SortedMembers();
      const members = new Set<string>();
      for (let i = 0; i < 5_000; i++) members.add(word());
      for (const member of members) set.set(member, 0);
      const sorted = [...members].sort(byBytes);
      for (let i = 0; i < 500; i++) {
        const [low, high] = [word(), word()];
        const [withLow, withHigh] = [random.chance(0.5), random.chance(0.5)];
        const [offset, count] = [random.int(0, 600), random.int(0, 600)];
        const expected = sorted.filter(
          (text) =>
            (byBytes(text, low) > 0 || (withLow && text === low)) &&
            (byBytes(text, high) < 0 || (withHigh && text === high)),
        );
        const [from, to] = [set.order.lexBound(low, withLow), set.order.lexBound(high, !withHigh)];
        expect(set.order.slice(from, to, offset, count)).toEqual(expected.slice(offset, offset + count));
        expect(set.order.sliceReversed(from, to, offset, count)).toEqual(
          expected.reverse().slice(offset, offset + count),
        );
      }
    });
  }

  it("finds ranges of scores across chunks", () => {
    const set = new SortedMembers();
    for (let i = 0; i < 3_000; i++) set.set(`m${String(i).padStart(4, "0")}`, i % 10);
    for (let min = -1; min <= 10; min++) {
      for (let max = -1; max <= 10; max++) {
        const found = set.order.slice(
          set.order.scoreBound(min, true),
          set.order.scoreBound(max, false),
          0,
          Infinity,
        );
        const scores = Math.max(0, Math.min(max, 9) - Math.max(min, 0) + 1);
        expect(found).toHaveLength(scores * 300);
        if (scores > 0) expect(set.score(found[0]!)).toBe(Math.max(min, 0));
      }
    }
  });

  it("fills its chunks when members come in order", () => {
    const set = new SortedMembers();
    const members = Array.from({ length: 10_000 }, (_, i) => String(i).padStart(5, "0"));
    for (const member of members) set.set(member, 0);
    expect(set.order.end().chunk).toBe(Math.ceil(10_000 / 256));
    expect(all(set)).toEqual(members);
    for (const member of members) if (!member.endsWith("00")) set.delete(member);
    expect(set.order.end().chunk).toBeLessThanOrEqual(3);
    expect(all(set)).toEqual(members.filter((member) => member.endsWith("00")));
  });
});

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { shareValue } from "./share-value.ts";

/** What a reader can do to everything it can reach; returns how many attempts had an effect or were refused. */
function vandalize(value: unknown, seen = new Set<unknown>()): void {
  if (typeof value !== "object" || value === null || seen.has(value)) return;
  seen.add(value);
  const attempt = (harm: () => void): void => {
    try {
      harm();
    } catch (error) {
      expect(error).toBeInstanceOf(TypeError);
    }
  };
  if (value instanceof Map) {
    for (const [key, item] of value) {
      vandalize(key, seen);
      vandalize(item, seen);
    }
    value.clear();
    value.set("harm", 1);
  } else if (value instanceof Set) {
    for (const item of value) vandalize(item, seen);
    value.clear();
    value.add("harm");
  } else if (value instanceof Date) value.setTime(1);
  else if (value instanceof RegExp) value.lastIndex = 99;
  else if (value instanceof Uint8Array) value.fill(0xee);
  else if (value instanceof Float64Array) value.fill(0.5);
  else if (value instanceof ArrayBuffer) new Uint8Array(value).fill(0xee);
  else {
    for (const key of Object.keys(value)) vandalize((value as Record<string, unknown>)[key], seen);
    attempt(() => Object.assign(value, { harm: 1 }));
    for (const key of Object.keys(value)) {
      attempt(() => Object.defineProperty(value, key, { value: "harm" }));
      attempt(() => delete (value as Record<string, unknown>)[key]);
    }
    if (Array.isArray(value)) attempt(() => value.push("harm"));
  }
}

const anyValue = fc.letrec<{ node: unknown }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.oneof(fc.string(), fc.double(), fc.boolean(), fc.constant(null), fc.bigInt(), fc.constant(undefined)),
    fc.date({ noInvalidDate: false }),
    fc.uint8Array({ maxLength: 4 }),
    fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes)),
    fc.float64Array({ maxLength: 3 }),
    fc.constant(0).map(() => Object.assign(/a+/g, { lastIndex: 2 })),
    fc.array(tie("node"), { maxLength: 4 }),
    fc.dictionary(fc.oneof(fc.string(), fc.constant("__proto__")), tie("node"), { maxKeys: 4 }),
    fc.array(fc.tuple(tie("node"), tie("node")), { maxLength: 3 }).map((pairs) => new Map(pairs)),
    fc.array(tie("node"), { maxLength: 3 }).map((items) => new Set(items)),
  ),
})).node;

describe("shareValue", () => {
  it("keeps what one caller does from every other, whatever the value is", () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const original = structuredCloneExactly(value);
        const shared = shareValue(value);
        expect(shared).toBeDefined();
        for (let caller = 0; caller < 3; caller++) {
          const received = shared!.share();
          expect(received).toStrictEqual(original);
          vandalize(received);
        }
      }),
      { seed: 20261123, numRuns: 2_000 },
    );
  });

  it("shares plain data as the same frozen object", () => {
    const value = { list: [{ id: 1, tags: ["a"] }], nested: { empty: {}, nothing: null } };
    const shared = shareValue(value)!;
    expect(shared.copyOnRead).toBe(false);
    expect(shared.share()).toBe(value);
    expect(shared.share()).toBe(value);
    expect(() => value.list[0]!.tags.push("b")).toThrow(TypeError);
    expect(() => Object.assign(value.nested.empty, { x: 1 })).toThrow(TypeError);
  });

  it("copies only along the path to what freezing does not protect, and freezes the copies", () => {
    const value = { row: { at: new Date(5), plain: { a: 1 } }, other: { b: [2] } };
    const shared = shareValue(value)!;
    expect(shared.copyOnRead).toBe(true);
    const first = shared.share() as typeof value;
    const second = shared.share() as typeof value;
    expect(first).toEqual(value);
    expect(first.row).not.toBe(second.row);
    expect(first.row.at).not.toBe(second.row.at);
    expect(first.row.plain).toBe(second.row.plain);
    expect(first.other).toBe(second.other);
    expect(() => Object.assign(first, { harm: 1 })).toThrow(TypeError);
    expect(() => Object.assign(first.row, { harm: 1 })).toThrow(TypeError);
    first.row.at.setTime(0);
    expect(second.row.at.getTime()).toBe(5);
  });

  it.each([
    ["a primitive", 7],
    ["null", null],
    ["a text", "x"],
  ])("returns %s as it is", (_, value) => {
    const shared = shareValue(value)!;
    expect([shared.copyOnRead, shared.share()]).toEqual([false, value]);
  });

  it("keeps objects without a prototype, sparse arrays, and a property called __proto__", () => {
    const bare = Object.assign(Object.create(null), { at: new Date(1) });
    // biome-ignore lint/suspicious/noSparseArray: the hole is what is tested.
    const sparse = [new Date(2), , 3];
    const odd = JSON.parse('{"__proto__":{"polluted":true}}');
    odd.at = new Date(3);
    const [bareCopy, sparseCopy, oddCopy] = [bare, sparse, odd].map((value) =>
      shareValue(value)!.share(),
    ) as [object, unknown[], object];
    expect(Object.getPrototypeOf(bareCopy)).toBeNull();
    expect(1 in sparseCopy).toBe(false);
    expect(Object.getPrototypeOf(oddCopy)).toBe(Object.prototype);
    expect(Object.hasOwn(oddCopy, "__proto__")).toBe(true);
  });

  it("copies binary data out of a shared slab, not the slab", () => {
    const copy = shareValue(Buffer.from("abc"))!.share() as Buffer;
    expect(Buffer.isBuffer(copy)).toBe(true);
    expect(copy.toString()).toBe("abc");
    const bytes = shareValue(new Uint8Array([1, 2]))!.share();
    expect(Buffer.isBuffer(bytes)).toBe(false);
    expect(bytes).toEqual(new Uint8Array([1, 2]));
  });

  it("does not share what it cannot protect", () => {
    class Account {
      #balance = 1;
      take(): number {
        return this.#balance--;
      }
    }
    class Bytes extends Uint8Array {}
    const cyclic: Record<string, unknown> = {};
    cyclic.self = cyclic;
    const values: unknown[] = [
      new Account(),
      new Bytes(2),
      () => 1,
      cyclic,
      new URL("http://localhost"),
      new Uint8Array(new SharedArrayBuffer(2)),
      new (class extends Map {})(),
      Promise.resolve(),
    ];
    for (const value of values) {
      expect(shareValue(value)).toBeUndefined();
      expect(shareValue({ deep: [value] })).toBeUndefined();
      expect(shareValue(new Map([["k", value]]))).toBeUndefined();
      expect(shareValue(new Set([value]))).toBeUndefined();
    }
  });
});

/** `structuredClone`, except that it keeps `Buffer` and `lastIndex`. */
function structuredCloneExactly(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return Buffer.from(value);
  if (value instanceof RegExp) return Object.assign(new RegExp(value), { lastIndex: value.lastIndex });
  if (value instanceof Map) {
    return new Map(
      [...value].map(([key, item]) => [structuredCloneExactly(key), structuredCloneExactly(item)]),
    );
  }
  if (value instanceof Set) return new Set([...value].map(structuredCloneExactly));
  if (Array.isArray(value)) return value.map(structuredCloneExactly);
  if (typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, structuredCloneExactly(item)]),
    );
  }
  if (typeof value === "object" && value !== null && Object.getPrototypeOf(value) === null) {
    const entries = Object.entries(value).map(([key, item]) => [key, structuredCloneExactly(item)] as const);
    return Object.setPrototypeOf(Object.fromEntries(entries), null);
  }
  return structuredClone(value);
}

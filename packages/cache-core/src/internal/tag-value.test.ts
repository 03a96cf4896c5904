import vm from "node:vm";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Codec } from "../codec.ts";
import { UnserializableValueError } from "../errors.ts";
import { jsonCodec } from "../json-codec.ts";
import { msgpackCodec } from "../msgpack/index.ts";

/** What both codecs promise, because both are this walk and a format underneath. */
/** Values that a property is tried with. TAG_VALUE_RUNS=20000 is the full count. */
const VALUES = Number(process.env.TAG_VALUE_RUNS ?? 5_000);

describe.each([jsonCodec(), msgpackCodec()])("$name carries exactly", (codec) => {
  it.each<[string, unknown]>([
    ["null", null],
    ["a text", "text"],
    ["the empty text", ""],
    ["a number", 1.5],
    ["the greatest integer", Number.MAX_SAFE_INTEGER],
    ["the least number", Number.MIN_VALUE],
    ["an integer of 33 bits", 2 ** 32],
    ["a negative integer of 64 bits", -(2 ** 63)],
    ["NaN", Number.NaN],
    ["Infinity", Number.POSITIVE_INFINITY],
    ["-Infinity", Number.NEGATIVE_INFINITY],
    ["-0", -0],
    ["0", 0],
    ["a bigint", 123_456_789_012_345_678_901_234_567_890n],
    ["a negative bigint", -1n],
    ["a date", new Date("2026-01-02T03:04:05.678Z")],
    ["a date before year 0", new Date(-1e15)],
    ["an invalid date", new Date(Number.NaN)],
    [
      "a Map",
      new Map<unknown, unknown>([
        ["a", 1],
        [{ k: 1 }, new Map()],
        [Number.NaN, undefined],
        [-0, 1],
      ]),
    ],
    ["a Set", new Set([1, "1", null, undefined, new Set([1n])])],
    ["a Buffer", Buffer.from([0, 255, 128])],
    ["an empty Buffer", Buffer.alloc(0)],
    ["a Uint8Array", new Uint8Array([0, 255, 128])],
    ["a view into a larger buffer", new Uint8Array(new ArrayBuffer(10), 3, 4)],
    ["a RegExp", /a\/b[\]\\]\n/giu],
    ["a RegExp with an index", Object.assign(/x/g, { lastIndex: 3 })],
    ["undefined in an object", { a: undefined, b: 1 }],
    ["undefined in an array", [undefined, 1, undefined]],
    ["an object without a prototype", Object.assign(Object.create(null), { a: 1, d: new Date(0) })],
    ["an empty object without a prototype", Object.create(null)],
    ["empty containers", [{}, [], new Map(), new Set()]],
    ["texts that look like tags", ["~", "~~", "~d0", "~M", "~_", "~~M", "~unknown"]],
    ["texts that look like tags beside tags", ["~", "~~", "~d0", "~M", "~_", "~~M", "~unknown", new Date(0)]],
    [
      "arrays that look like tags",
      [["~M", 1, 2], ["~S"], ["~O", {}], ["~E", "a", 1], ["~u", "x"], undefined],
    ],
    ["an array that starts with a special", [[new Date(0), 1], [undefined], [Number.NaN]]],
    ["objects with tags as keys", { "~M": 1, "~": new Date(0), "~~": "~" }],
    ["lone surrogates", ["\ud800", "a\udc00", { "\ud800": "\udfff" }, /\ud800/]],
    ["a lone surrogate behind a tilde", ["~\ud800", undefined]],
    [
      "keys that objects have",
      { toJSON: 1, constructor: "Ford", hasOwnProperty: 0, valueOf: null, length: 3 },
    ],
    ["keys that look like indices, and their order", { b: 1, 2: 1, a: undefined, 1: 1 }],
    ["the empty key", { "": { "": undefined } }],
    ["line separators", "\u2028\u2029\u0000"],
  ])("%s", (_, value) => {
    expectExact(codec, value);
    expectExact(codec, { nested: [value, { value }], map: new Map([["k", value]]) });
  });

  it("an own __proto__ as data, at any depth, and pollutes nothing", () => {
    const attack = JSON.parse(
      '{"__proto__": {"polluted": 1}, "a": [{"__proto__": {"polluted": 2, "__proto__": "~x"}}], "constructor": {"prototype": {"polluted": 3}}}',
    );
    const values = [
      attack,
      { attack, at: new Date(0) },
      [Object.defineProperty({}, "__proto__", data(new Date(0)))],
    ];
    for (const value of values) {
      expectExact(codec, value);
      expect(({} as Record<string, unknown>).polluted).toBeUndefined();
      expect(([] as unknown as Record<string, unknown>).polluted).toBeUndefined();
    }
  });

  it("what accessors return", () => {
    const { bytes, hint } = codec.encode({
      get now() {
        return new Date(7);
      },
      get plain() {
        return "x";
      },
    });
    expect(codec.decode(bytes, hint)).toEqual({ now: new Date(7), plain: "x" });
  });

  it("the same object in two places, as two", () => {
    const shared = { at: new Date(0) };
    expectExact(codec, { a: shared, b: [shared, shared], deep: nest(shared, 100) });
  });

  it("values of another realm, as those of this one", () => {
    const foreign = vm.runInNewContext(
      "({ a: [1, { b: new Date(5) }], m: new Map([[1, new Set([2])]]), u: new Uint8Array([1]), r: /x/g, n: Object.create(null) })",
    );
    const { bytes, hint } = codec.encode(foreign);
    const decoded = codec.decode(bytes, hint);
    expect(
      difference(decoded, {
        a: [1, { b: new Date(5) }],
        m: new Map([[1, new Set([2])]]),
        u: new Uint8Array([1]),
        r: /x/g,
        n: Object.create(null),
      }),
    ).toBeUndefined();
  });

  it("512 levels", () => {
    expectExact(codec, nest(new Date(0), 512));
    expectExact(codec, nest(1, 512));
    let withoutPrototypes: unknown = 1;
    for (let level = 0; level < 512; level++)
      withoutPrototypes = Object.assign(Object.create(null), { x: withoutPrototypes });
    expectExact(codec, withoutPrototypes);
  });

  it("does not change the value that it is given", () => {
    const value = deepFreeze({ at: new Date(0), list: [undefined, { tilde: "~" }], __proto__: null });
    expectExact(codec, value);
  });

  it("gives back containers and bytes that share nothing with the stored ones", () => {
    for (const original of [Buffer.from("abc"), new Uint8Array([1, 2, 3])]) {
      const { bytes, hint } = codec.encode({ original });
      const decoded = codec.decode(bytes, hint) as { original: Uint8Array };
      bytes.fill(0);
      original.fill(9);
      expect(decoded.original[0]).not.toBe(0);
      expect(decoded.original[0]).not.toBe(9);
    }
  });

  it("keeps results of earlier calls while it encodes others", () => {
    const first = codec.encode({ text: "first", at: new Date(1) });
    const copy = Buffer.from(first.bytes);
    for (let index = 0; index < 100; index++) codec.encode({ text: "other".repeat(index) });
    expect(first.bytes.equals(copy)).toBe(true);
  });

  it(`any value of the supported types (${VALUES} of them)`, { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(anyValue(), (value) => {
        expectExact(codec, value);
      }),
      { numRuns: VALUES },
    );
  });

  it("control: JSON alone fails on most of them", () => {
    const values = fc.sample(anyValue(), { numRuns: 500, seed: 1 });
    const changed = values.filter((value) => {
      try {
        return difference(JSON.parse(JSON.stringify(value)), value) !== undefined;
      } catch {
        return true;
      }
    });
    expect(changed.length).toBeGreaterThan(100);
  });

  it("carries data while somebody has added to Object.prototype", () => {
    const value = { a: [{ b: new Date(0) }], c: undefined };
    Object.defineProperty(Object.prototype, "added", { ...data(() => 1) });
    let decoded: unknown;
    try {
      const { bytes, hint } = codec.encode(value);
      decoded = codec.decode(bytes, hint);
    } finally {
      Reflect.deleteProperty(Object.prototype, "added");
    }
    expect(difference(decoded, value)).toBeUndefined();
  });
});

describe.each([jsonCodec(), msgpackCodec()])("$name refuses, with the path of the culprit", (codec) => {
  class Company {
    name = "x";
  }
  class Moment extends Date {}
  class List extends Array {}
  class Bytes extends Uint8Array {}

  it.each<[string, unknown, string, string]>([
    ["undefined itself", undefined, "$", "undefined"],
    ["a function", { a: [1, { b() {} }] }, "$.a[1].b", "function"],
    ["a class", [Company], "$[0]", "function"],
    ["a symbol", { s: Symbol("x") }, "$.s", "symbol"],
    ["a symbol as a key", { a: { [Symbol("x")]: 1 } }, "$.a", "symbol-key"],
    ["a symbol as a key of an array", Object.assign([1], { [Symbol("x")]: 1 }), "$", "symbol-key"],
    ["an instance", { a: new Company() }, "$.a", "instance"],
    ["an error", [new Error("x")], "$[0]", "instance"],
    ["a URL", { u: new URL("http://x") }, "$.u", "instance"],
    ["a promise", { p: Promise.resolve() }, "$.p", "instance"],
    ["a WeakMap", new WeakMap(), "$", "instance"],
    ["a boxed number", [Object(1)], "$[0]", "instance"],
    ["a boxed bigint", [Object(1n)], "$[0]", "instance"],
    ["a subclass of Date", { at: new Moment() }, "$.at", "instance"],
    ["a subclass of Array", { list: List.from([1]) }, "$.list", "instance"],
    ["a subclass of Uint8Array", { b: new Bytes(1) }, "$.b", "instance"],
    ["another typed array", { f: new Float64Array(1) }, "$.f", "instance"],
    ["an ArrayBuffer", { f: new ArrayBuffer(1) }, "$.f", "instance"],
    ["an object that inherits data", { o: Object.create({ inherited: 1 }) }, "$.o", "instance"],
    ["an object that claims to be plain", Object.create({ constructor: Object }), "$", "instance"],
    ["a hole", { a: new Array(3) }, "$.a[0]", "sparse-array"],
    ["a hole that a name makes up for", Object.assign([1], { length: 2, name: 1 }), "$[1]", "sparse-array"],
    ["a named property of an array", { m: /(.)/.exec("x") }, "$.m.index", "extra-property"],
    ["a property of a Date", Object.assign(new Date(0), { zone: "CET" }), "$.zone", "extra-property"],
    ["a property of a Map", Object.assign(new Map(), { size2: 1 }), "$.size2", "extra-property"],
    ["a toJSON of its own", { a: hide({ b: 1 }, "toJSON", () => 2) }, "$.a", "to-json"],
    ["an index of a RegExp that is none", Object.assign(/x/, { lastIndex: Number.NaN }), "$", "instance"],
    [
      "a culprit in a key of a Map",
      new Map([
        [1, 1],
        [() => 1, 2],
      ] as [unknown, unknown][]),
      "$.keys()[1]",
      "function",
    ],
    ["a culprit in a value of a Map", { m: new Map([[1, [() => 1]]]) }, "$.m.values()[0][0]", "function"],
    ["a culprit in a Set", new Set([1, new Company()]), "$.values()[1]", "instance"],
    [
      "a culprit behind odd keys",
      { "a b": { 'q"': { "\n": { "": () => 1 } } } },
      '$["a b"]["q\\""]["\\u{A}"][""]',
      "function",
    ],
    [
      "a culprit behind others that are fine",
      { a: { b: { c: 1 } }, d: [[1], [[() => 1]]] },
      "$.d[1][0][0]",
      "function",
    ],
    [
      "a getter that throws",
      {
        a: {
          get b() {
            throw new Error("x");
          },
        },
      },
      "$.a",
      "unreadable",
    ],
  ])("%s", (_, value, path, kind) => {
    const error = refusal(codec, value);
    expect({ path: error.path, kind: error.kind }).toEqual({ path, kind });
  });

  it("cycles, where they close first", () => {
    const self: Record<string, unknown> = {};
    self.self = self;
    expect(refusal(codec, self)).toMatchObject({ path: "$.self", kind: "circular" });

    const parent = { name: "p", children: [] as unknown[] };
    parent.children.push({ name: "a" }, { name: "b", parent });
    expect(refusal(codec, { tree: { parent } })).toMatchObject({
      path: "$.tree.parent.children[1].parent",
      kind: "circular",
    });

    const map = new Map<unknown, unknown>();
    map.set("set", new Set([[map]]));
    expect(refusal(codec, map)).toMatchObject({ path: "$.values()[0].values()[0][0]", kind: "circular" });

    const deep = { x: {} as Record<string, unknown> };
    deep.x.again = nest(deep, 40);
    expect(refusal(codec, deep)).toMatchObject({ kind: "circular" });
  });

  it("cycles beside much data quickly", () => {
    const graph: Record<string, unknown> = { rows: Array.from({ length: 20_000 }, (_, id) => ({ id })) };
    graph.self = graph;
    const start = performance.now();
    expect(refusal(codec, graph)).toMatchObject({ path: "$.self", kind: "circular" });
    expect(performance.now() - start).toBeLessThan(2000);
  });

  it("more than 512 levels, of any depth, without overflowing the stack", () => {
    for (const levels of [513, 1000, 100_000]) {
      const error = refusal(codec, nest(1, levels));
      expect(error.kind).toBe("too-deep");
      expect(error.path.length).toBeLessThan(100);
    }
    let lists: unknown = 1;
    for (let level = 0; level < 100_000; level++) lists = [lists];
    expect(refusal(codec, lists).kind).toBe("too-deep");
  });

  it("what it has no stack left for, with an error that can be caught", () => {
    const value = nest(new Date(0), 500);
    const outcomes: unknown[] = [];
    const dive = (): void => {
      try {
        dive();
      } catch {
        // Tried again from every frame on the way back up, until there is room.
      }
      if (outcomes.at(-1) === "carried") return;
      try {
        codec.encode(value);
        outcomes.push("carried");
      } catch (error) {
        outcomes.push(error);
      }
    };
    dive();
    expect(outcomes.pop()).toBe("carried");
    expect(outcomes.length).toBeGreaterThan(0);
    for (const error of outcomes) {
      expect(error instanceof RangeError || UnserializableValueError.isInstance(error)).toBe(true);
    }
  });

  it("a proxy that throws", () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(refusal(codec, { proxy }).kind).toBe("unreadable");
    const cause = new Error("trap");
    const trapped = new Proxy(
      { a: 1 },
      {
        get: () => {
          throw cause;
        },
      },
    );
    expect(refusal(codec, trapped).cause).toBe(cause);
  });

  it("nothing that is only hidden: what is not enumerable is not data", () => {
    const value = hide({ a: 1 }, "secret", () => 1);
    Object.defineProperty(value, Symbol("hidden"), { value: 1, enumerable: false });
    const { bytes, hint } = codec.encode(value);
    expect(codec.decode(bytes, hint)).toEqual({ a: 1 });
  });
});

describe.each([jsonCodec(), msgpackCodec()])("$name reading what it did not write", (codec) => {
  it("throws or gives some value, and never crashes", { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(
        anyValue(),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
        fc.nat(),
        fc.boolean(),
        (value, edits, cut, tagged) => {
          const bytes = codec.encode(value).bytes;
          for (const [at, byte] of edits) bytes[at % bytes.length] = byte;
          expectThrowOrValue(codec, bytes, tagged ? 1 : 0);
          expectThrowOrValue(codec, bytes.subarray(0, cut % (bytes.length + 1)), tagged ? 1 : 0);
        },
      ),
      { numRuns: VALUES / 2 },
    );
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it("throws or gives some value for random bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(1), (bytes, hint) => {
        expectThrowOrValue(codec, Buffer.from(bytes), hint);
      }),
      { numRuns: VALUES / 2 },
    );
  });

  it("refuses hints that it never gives", () => {
    const { bytes } = codec.encode({ a: 1 });
    for (const hint of [-1, 2, 3, 15, Number.NaN]) expect(() => codec.decode(bytes, hint)).toThrow(/hint/);
  });

  it("refuses malformed tags", () => {
    for (const tree of malformed()) {
      // Encoded as plain data, read as tagged.
      const { bytes, hint } = codec.encode(tree);
      expect(hint).toBe(0);
      expect(() => codec.decode(bytes, 1), JSON.stringify(tree)).toThrow();
    }
  });
});

function malformed(): unknown[] {
  return [
    "~",
    "~x",
    "~_1",
    "~N1",
    "~I1",
    "~i1",
    "~01",
    "~n",
    "~n1.5",
    "~n0x1",
    "~dx",
    "~d",
    "~d1.5",
    "~d8640000000000001",
    "~d99999999999999999999",
    "~b*",
    "~bQQ",
    "~u=",
    "~r",
    "~r[0,1,2]",
    '~r[0,"",1]',
    '~r["0","",""]',
    '~r[0,"gg","a"]',
    '~r[0,"","("]',
    "~j1",
    "~jx",
    ["~M", 1],
    ["~E", "a"],
    ["~O"],
    ["~O", 1],
    ["~O", []],
    ["~O", {}, 1],
    ["~O", "~_"],
    ["~U", "x"],
    ["~U"],
    { a: ["~M", 1] },
    { a: { b: "~x" } },
  ];
}

/** Values of every supported type, with more of what is easily confused than chance would bring. */
function anyValue(): fc.Arbitrary<unknown> {
  const text = fc.oneof(
    fc.string(),
    fc.string({ unit: "binary" }),
    fc.constantFrom("~", "~~", "~d0", "~M", "~S", "~O", "~E", "~_", "\ud800", "~\udc00", "__proto__"),
  );
  const key = fc.oneof(
    { weight: 4, arbitrary: text },
    {
      weight: 1,
      arbitrary: fc.constantFrom("__proto__", "constructor", "toJSON", "hasOwnProperty", "0", "-1", ""),
    },
  );
  const leaf = fc.oneof(
    text,
    fc.double(),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.constantFrom<unknown>(
      null,
      undefined,
      true,
      false,
      Number.NaN,
      -0,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
    ),
    fc.bigInt(),
    fc.date({ noInvalidDate: false }),
    fc.uint8Array({ maxLength: 20 }),
    fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
    fc
      .tuple(
        fc.constantFrom("a", "[~/]", "\\/", "(?:)", "\n"),
        fc.constantFrom("", "g", "giu", "sy"),
        fc.nat(9),
      )
      .map(([source, flags, lastIndex]) => Object.assign(new RegExp(source, flags), { lastIndex })),
  );
  const { value } = fc.letrec<{ value: unknown }>((tie) => {
    const entries = fc.array(fc.tuple(key, tie("value")), { maxLength: 5 });
    return {
      value: fc.oneof(
        { maxDepth: 4, withCrossShrink: true },
        leaf,
        fc.array(tie("value"), { maxLength: 5 }),
        entries.map((pairs) => Object.fromEntries(pairs)),
        entries.map((pairs) => Object.setPrototypeOf(Object.fromEntries(pairs), null)),
        fc.array(fc.tuple(tie("value"), tie("value")), { maxLength: 4 }).map((pairs) => new Map(pairs)),
        fc.array(tie("value"), { maxLength: 4 }).map((items) => new Set(items)),
      ),
    };
  });
  return value.filter((candidate) => candidate !== undefined);
}

function expectExact(codec: Codec, value: unknown): void {
  const { bytes, hint } = codec.encode(value);
  expect(Buffer.isBuffer(bytes)).toBe(true);
  expect(hint === 0 || hint === 1).toBe(true);
  expect(difference(codec.decode(bytes, hint), value)).toBeUndefined();
}

/**
 * Where two values differ, or `undefined`. By hand, so that the test does not depend on what an assertion library
 * takes for equal: types, prototypes, -0, order of keys, invalid dates, `lastIndex`.
 */
function difference(actual: unknown, expected: unknown, path = "$"): string | undefined {
  if (typeof expected !== "object" || expected === null)
    return Object.is(actual, expected) ? undefined : path;
  if (typeof actual !== "object" || actual === null) return path;
  if (Object.getPrototypeOf(actual) !== Object.getPrototypeOf(expected)) return `${path} (prototype)`;
  if (expected instanceof Date)
    return Object.is((actual as Date).getTime(), expected.getTime()) ? undefined : path;
  if (expected instanceof RegExp) {
    const same = String(actual) === String(expected) && (actual as RegExp).lastIndex === expected.lastIndex;
    return same ? undefined : path;
  }
  if (expected instanceof Uint8Array)
    return Buffer.compare(actual as Uint8Array, expected) === 0 ? undefined : path;
  if (expected instanceof Map)
    return difference([...(actual as Map<unknown, unknown>)], [...expected], `${path}.entries()`);
  if (expected instanceof Set)
    return difference([...(actual as Set<unknown>)], [...expected], `${path}.values()`);
  const keys = Reflect.ownKeys(expected);
  const actualKeys = Reflect.ownKeys(actual);
  if (keys.length !== actualKeys.length || keys.some((key, index) => key !== actualKeys[index]))
    return `${path} (keys)`;
  for (const key of keys) {
    const found = difference(
      Object.getOwnPropertyDescriptor(actual, key)?.value,
      Object.getOwnPropertyDescriptor(expected, key)?.value,
      `${path}.${String(key)}`,
    );
    if (found !== undefined) return found;
  }
  return undefined;
}

function expectThrowOrValue(codec: Codec, bytes: Buffer, hint: number): void {
  try {
    codec.decode(bytes, hint);
  } catch (error) {
    expect(error).toBeInstanceOf(Error);
  }
}

function refusal(codec: Codec, value: unknown): UnserializableValueError {
  try {
    codec.encode(value);
  } catch (error) {
    if (UnserializableValueError.isInstance(error)) return error;
    throw error;
  }
  throw new Error("It was not refused");
}

function nest(value: unknown, levels: number): unknown {
  for (let level = 0; level < levels; level++) value = { x: value };
  return value;
}

function data(value: unknown): PropertyDescriptor {
  return { value, enumerable: true, writable: true, configurable: true };
}

function hide<T extends object>(object: T, key: string, value: unknown): T {
  return Object.defineProperty(object, key, { value, enumerable: false });
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !ArrayBuffer.isView(value)) {
    for (const item of Object.values(value)) deepFreeze(item);
    Object.freeze(value);
  }
  return value;
}

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  checkChannel,
  checkKey,
  checkKeys,
  checkNamespace,
  checkPattern,
  checkScope,
  checkTag,
  checkTags,
} from "./check-key.ts";
import { CacheError, InvalidKeyError, InvalidTagError } from "./errors.ts";

const textChecks = [
  ["checkKey", checkKey, 1024, "INVALID_KEY"],
  ["checkTag", checkTag, 1024, "INVALID_TAG"],
  ["checkPattern", checkPattern, 1024, "INVALID_PATTERN"],
  ["checkChannel", checkChannel, 1024, "INVALID_CHANNEL"],
  ["checkScope", checkScope, 128, "INVALID_SCOPE"],
] as const;

describe.each(textChecks)("%s", (_, check, maxBytes, code) => {
  const refused = expect.objectContaining({ code, parameter: "the parameter" });

  it.each([
    "a",
    " ",
    "companies:1",
    "* ? [ ] \\ : { }",
    "žćš",
    "日本語",
    "😀",
    "\u00a0",
    "\ufeff",
    "\ufffd",
    "__proto__",
  ])("accepts %j and returns it", (text) => {
    expect(check(text)).toBe(text);
  });

  it("counts bytes of UTF-8, not characters", () => {
    for (const [character, bytes] of [
      ["a", 1],
      ["\u00e9", 2],
      ["\u0800", 3],
      ["\uffff", 3],
      ["😀", 4],
    ] as const) {
      const most = Math.floor(maxBytes / bytes);
      const filled = character.repeat(most) + "a".repeat(maxBytes - most * bytes);
      expect(check(filled)).toBe(filled);
      expect(() => check(`${filled}a`, "the parameter")).toThrow(refused);
    }
  });

  it("refuses control characters wherever they stand", () => {
    for (let unit = 0; unit < 0xa0; unit++) {
      const character = String.fromCharCode(unit);
      const isControl = unit < 0x20 || unit >= 0x7f;
      for (const text of [character, `${character}a`, `a${character}`, `a${character}a`]) {
        if (isControl) expect(() => check(text, "the parameter")).toThrow(refused);
        else expect(check(text)).toBe(text);
      }
    }
  });

  it("refuses lone surrogates, which would all be the same in UTF-8", () => {
    for (const text of [
      "\ud800",
      "a\udbff",
      "\udc00a",
      "\udfff",
      "\ud800\ud800",
      "\udc00\ud800",
      "😀\ud83d",
      "\ud83da",
    ]) {
      expect(() => check(text, "the parameter")).toThrow(refused);
    }
  });

  it.each([
    ["", undefined, null, 0, 1, Number.NaN, true, 1n, Symbol("k"), {}, [], ["a"], new String("a"), () => "a"],
  ])("refuses what is no text", (...values) => {
    for (const value of values) expect(() => check(value, "the parameter")).toThrow(refused);
  });

  it("agrees with the definition, whatever the text", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary", maxLength: 300 }),
        fc.integer({ min: 0, max: 8 }),
        (part, times) => {
          const text = part.repeat(times);
          const bytes = Buffer.byteLength(text);
          const valid = bytes > 0 && bytes <= maxBytes && !/\p{Control}|\p{Surrogate}/u.test(text);
          expect(accepts(() => check(text))).toBe(valid);
        },
      ),
      { numRuns: 3000 },
    );
  });
});

describe("checkKey", () => {
  it("says what is wrong and where", () => {
    expect(() => checkKey("ab\u0000")).toThrow(/control character U\+0000 at index 2/);
    expect(() => checkKey("😀\ud83d")).toThrow(/lone surrogate U\+D83D at index 2/);
    expect(() => checkKey("é".repeat(600))).toThrow(/it has 1200 bytes/);
  });

  it("does not put a long key into the message", () => {
    const error = failure(() => checkKey("x".repeat(1_000_000)));
    expect(error.message.length).toBeLessThan(400);
  });
});

describe("checkKeys", () => {
  it("accepts repetitions and an empty list, in order", () => {
    const keys = ["b", "a", "b"];
    expect(checkKeys(keys)).toBe(keys);
    expect(checkKeys([])).toEqual([]);
  });

  it("names the first that is wrong", () => {
    expect(() => checkKeys(["a", "", "\n"])).toThrow(expect.objectContaining({ parameter: "keys[1]" }));
    // biome-ignore lint/suspicious/noSparseArray: a hole is what is tested
    expect(() => checkKeys(["a", , "b"])).toThrow(expect.objectContaining({ parameter: "keys[1]" }));
  });

  it.each([[undefined], ["a"], [new Set(["a"])], [{ 0: "a", length: 1 }]])(
    "refuses %s, which is no array",
    (keys) => {
      expect(() => checkKeys(keys)).toThrow(InvalidKeyError);
    },
  );
});

describe("checkTags", () => {
  it("removes repetitions, and keeps the order of the first ones", () => {
    expect(checkTags(["b", "a", "b", "a", "c"])).toEqual(["b", "a", "c"]);
  });

  it("returns an array that the caller cannot change afterwards", () => {
    const tags = ["a"];
    const checked = checkTags(tags);
    tags.push("b");
    expect(checked).toEqual(["a"]);
  });

  it("allows 64 different tags, however often each is repeated", () => {
    const tags = Array.from({ length: 64 }, (_, index) => `t${index}`);
    expect(checkTags([...tags, ...tags])).toEqual(tags);
    expect(() => checkTags([...tags, "one more"])).toThrow(InvalidTagError);
  });

  it("names the tag that is wrong", () => {
    expect(() => checkTags(["a", 5], "options.tags")).toThrow(
      expect.objectContaining({ parameter: "options.tags[1]" }),
    );
  });

  it.each([[undefined], [null], ["a"], [new Set(["a"])]])("refuses %s, which is no array", (tags) => {
    expect(() => checkTags(tags)).toThrow(InvalidTagError);
  });
});

describe("checkNamespace", () => {
  it.each(["a", "crm", "CRM_2.test-1", "a".repeat(64)])("accepts %s", (namespace) => {
    expect(checkNamespace(namespace)).toBe(namespace);
  });

  it.each([[""], ["a".repeat(65)], ["a b"], ["a:b"], ["{a}"], ["a*"], ["ž"], ["a\n"], [5], [undefined]])(
    "refuses %j",
    (namespace) => {
      expect(() => checkNamespace(namespace)).toThrow(
        expect.objectContaining({ code: "INVALID_OPTION", option: "namespace" }),
      );
    },
  );
});

function accepts(check: () => unknown): boolean {
  try {
    check();
    return true;
  } catch (error) {
    if (!CacheError.isInstance(error)) throw error;
    return false;
  }
}

function failure(check: () => unknown): Error {
  try {
    check();
  } catch (error) {
    return error as Error;
  }
  throw new Error("It did not throw");
}

import { type RedisServer, seededRandom, startRedis } from "@crm/testkit";
import type { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compileGlob, escapeGlob } from "../src/glob.ts";
import { luaGlob } from "../src/internal/lua-glob.ts";

/** Where `char` is unsigned, Redis orders the ends of a class range differently beyond ASCII. */
const SIGNED_CHAR = process.arch === "x64";
const ALPHABET = [..."aab:-]*", "?", "[", "[^", "\\", "^", "{", "}", "z", "š", "€", "😀", "\u00ff", "-", "*"];
const TEXT_ALPHABET = [..."aaab::-]*?[\\^{}z", "š", "€", "😀", "\u00ff"];
/** Fixed, so that a failure comes back. */
const SEED = 20261123;

describe("glob", () => {
  let server: RedisServer;
  let redis: Redis;
  beforeAll(async () => {
    // A server of our own: the test empties it, and lists its keys.
    server = await startRedis({ control: true });
    redis = await server.client();
  });
  afterAll(() => server?.stop());

  const random = seededRandom(SEED);
  const word = (alphabet: readonly string[], longest: number): string =>
    Array.from({ length: random.int(0, longest) }, () => random.pick(alphabet)).join("");
  const words = (alphabet: readonly string[], longest: number, count: number): string[] => [
    ...new Set(Array.from({ length: count }, () => word(alphabet, longest)).filter(Boolean)),
  ];

  async function storeAsKeys(texts: readonly string[]): Promise<void> {
    await redis.flushall();
    await redis.mset(texts.flatMap((text) => [text, ""]));
  }

  /** What Redis' own matcher finds among the texts, as names of keys. */
  async function matchedByRedis(pattern: string): Promise<Set<string>> {
    return new Set(await redis.keys(pattern));
  }

  async function matchedByLua(pattern: string, texts: readonly string[]): Promise<Set<string>> {
    const script = `${luaGlob}
      local found = {}
      for i = 2, #ARGV do if glob(ARGV[1], ARGV[i]) then found[#found + 1] = ARGV[i] end end
      return found`;
    return new Set((await redis.eval(script, 0, pattern, ...texts)) as string[]);
  }

  it("agrees with Lua and with Redis' matcher on more than 40,000 fuzzed pairs", async () => {
    let pairs = 0;
    let matches = 0;
    for (let round = 0; round < 10; round++) {
      const texts = words(TEXT_ALPHABET, 7, 60);
      await storeAsKeys(texts);
      for (let i = 0; i < 120; i++) {
        const pattern = word(ALPHABET, 9);
        if (!SIGNED_CHAR && /[^ -~]-|-[^ -~]/.test(pattern)) continue;
        const [byRedis, byLua] = await Promise.all([matchedByRedis(pattern), matchedByLua(pattern, texts)]);
        const glob = compileGlob(pattern);
        for (const text of texts) {
          const expected = byRedis.has(text);
          expect([pattern, text, "TypeScript", glob.matches(text)]).toEqual([
            pattern,
            text,
            "TypeScript",
            expected,
          ]);
          expect([pattern, text, "Lua", byLua.has(text)]).toEqual([pattern, text, "Lua", expected]);
          if (expected) {
            matches++;
            expect(text.startsWith(glob.literalPrefix)).toBe(true);
          }
          if (glob.exact) expect(expected).toBe(text === glob.literalPrefix);
          if (glob.prefixOnly) expect(expected).toBe(text.startsWith(glob.literalPrefix));
          pairs++;
        }
      }
    }
    expect(pairs).toBeGreaterThan(40_000);
    // The fuzz is worth something only when both answers are common.
    expect(matches).toBeGreaterThan(1_000);
  });

  it("agrees on patterns made from the text they are matched with", async () => {
    for (let round = 0; round < 20; round++) {
      const texts = words(TEXT_ALPHABET, 12, 40);
      await storeAsKeys(texts);
      for (const text of texts) {
        const pattern = [...text]
          .map((character) =>
            random.chance(0.3)
              ? random.pick(["*", "?", "??", `[${character}`, `[${character}-z]`])
              : escapeGlob(character),
          )
          .join("");
        if (!SIGNED_CHAR && /[^ -~]-/.test(pattern)) continue;
        const [byRedis, byLua] = await Promise.all([matchedByRedis(pattern), matchedByLua(pattern, texts)]);
        const glob = compileGlob(pattern);
        const byTypeScript = new Set(texts.filter((candidate) => glob.matches(candidate)));
        expect([pattern, byTypeScript]).toEqual([pattern, byRedis]);
        expect([pattern, byLua]).toEqual([pattern, byRedis]);
      }
    }
  });

  it("treats the empty text as Redis does: only the empty pattern matches", async () => {
    await redis.flushall();
    await redis.set("", "");
    // `KEYS *` alone never asks the matcher.
    for (const pattern of ["**", "?", "[^", "[^a]", "\\", ""]) {
      const expected = (await redis.keys(pattern)).length === 1;
      expect([pattern, compileGlob(pattern).matches("")]).toEqual([pattern, expected]);
      expect([pattern, (await matchedByLua(pattern, [""])).has("")]).toEqual([pattern, expected]);
    }
  });

  it("finds with an escaped text exactly that text", async () => {
    const texts = words(TEXT_ALPHABET, 8, 2_000);
    await storeAsKeys(texts);
    for (const text of texts.slice(0, 500)) {
      expect(await redis.keys(escapeGlob(text))).toEqual([text]);
      expect(compileGlob(escapeGlob(text))).toMatchObject({ exact: true, literalPrefix: text });
      expect(texts.filter(compileGlob(escapeGlob(text)).matches)).toEqual([text]);
    }
  });

  it("does not blow up in Lua", async () => {
    const pattern = `${"a*".repeat(200)}[b]`;
    const started = performance.now();
    expect([...(await matchedByLua(pattern, ["a".repeat(1_024)]))]).toEqual([]);
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});

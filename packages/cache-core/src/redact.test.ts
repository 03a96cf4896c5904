import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { describeValue, redactCause, redactUrl, truncateKey } from "./redact.ts";

describe("truncateKey", () => {
  it("leaves ordinary keys alone", () => {
    for (const key of ["companies:1", "žćš 日本語 😀", "a".repeat(80), ""])
      expect(truncateKey(key)).toBe(key);
  });

  it("cuts after 80 characters and says so", () => {
    expect(truncateKey("a".repeat(81))).toBe(`${"a".repeat(79)}…`);
    expect(truncateKey("a".repeat(100_000))).toHaveLength(80);
  });

  it("escapes what would forge or disturb a line of a log", () => {
    expect(truncateKey("a\nb\u001b[31m\u2028\u202e\u200b\ufeff")).toBe(
      "a\\u{A}b\\u{1B}[31m\\u{2028}\\u{202E}\\u{200B}\\u{FEFF}",
    );
    expect(truncateKey("\ud800x\udc00")).toBe("\\u{D800}x\\u{DC00}");
  });

  it("gives at most 80 printable characters, whatever the key, and splits no pair and no escape", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (key) => {
        const shown = truncateKey(key);
        expect(shown.length).toBeLessThanOrEqual(80);
        expect(shown).not.toMatch(/\p{Control}|\p{Surrogate}|[\u2028\u2029]/u);
        expect(shown.replaceAll(/\\u\{[0-9A-F]+\}/g, "")).not.toMatch(/\\u\{[0-9A-F]*…$/);
      }),
      { numRuns: 5000 },
    );
  });
});

describe("redactUrl", () => {
  it.each([
    ["redis://user:secret@host:6379/1", "redis://***@host:6379/1"],
    ["rediss://:secret@host", "rediss://***@host"],
    ["redis://secret@host", "redis://***@host"],
    ["redis://host:6379/1", "redis://host:6379/1"],
    ["redis://[::1]:6379", "redis://[::1]:6379"],
    ["redis://user:se@cr/et#x@host:1", "redis://***@host:1"],
    ["redis://user:secret", "redis://user:***"],
    ["redis://:secret/1", "redis://:***"],
    ["user:secret@host", "***@host"],
    ["redis://host/0?password=secret&db=1", "redis://host/0?password=***&db=***"],
    ["redis:/user:secret@host", "***@host"],
    ["not a url", "not a url"],
    ["", ""],
  ])("%s → %s", (url, redacted) => {
    expect(redactUrl(url)).toBe(redacted);
  });

  it("never shows the password, whatever is in it", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary", minLength: 3, maxLength: 30 }),
        fc.constantFrom("u", ""),
        (noise, user) => {
          const secret = `S3CRET${noise}S3CRET`;
          expect(redactUrl(`redis://${user}:${secret}@host:6379/0`)).not.toContain("S3CRET");
          expect(
            redactUrl(
              `redis://${user}:${encodeURIComponent(noise.replaceAll(/\p{Surrogate}/gu, ""))}S3CRET@host`,
            ),
          ).not.toContain("S3CRET");
        },
      ),
      { numRuns: 3000 },
    );
  });
});

describe("describeValue", () => {
  it.each<[unknown, string]>([
    ["text", 'the string "text"'],
    ["", "the empty string"],
    ["a\nb", 'the string "a\\u{A}b"'],
    ["redis://:secret@host", 'the string "redis://***@host"'],
    [1.5, "the number 1.5"],
    [-0, "the number -0"],
    [Number.NaN, "the number NaN"],
    [10n, "the bigint 10n"],
    [true, "true"],
    [undefined, "undefined"],
    [null, "null"],
    [Symbol("secret"), "a symbol"],
    [() => "secret", "a function"],
    [[], "an array of 0 elements"],
    [["secret"], "an array of 1 element"],
    [{ password: "secret" }, "an object"],
    [Object.create(null), "an object"],
    [new Date(), "an instance of Date"],
    [new (class Company {})(), "an instance of Company"],
  ])("%o", (value, described) => {
    expect(describeValue(value)).toBe(described);
  });

  it("is short, however large the value", () => {
    expect(describeValue("x".repeat(1_000_000))).toBe(
      `the string "${"x".repeat(79)}…" of 1000000 characters`,
    );
    expect(describeValue(10n ** 500n).length).toBeLessThan(100);
    const huge = { ["x".repeat(1000)]: class {} };
    expect(describeValue(new huge["x".repeat(1000)]!()).length).toBeLessThan(110);
  });

  it("survives objects that throw while they are looked at", () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const hostile = new Proxy(
      {},
      {
        getPrototypeOf: () => {
          throw new Error("trap");
        },
      },
    );
    expect([describeValue(proxy), describeValue(hostile)]).toEqual(["an object", "an object"]);
  });
});

describe("redactCause", () => {
  it("leaves everything without a command as it is", () => {
    for (const cause of [new Error("x"), "text", undefined, { command: "x" }])
      expect(redactCause(cause)).toBe(cause);
  });

  it("keeps what explains the error, without the command's arguments", () => {
    const error = Object.assign(new Error("READONLY"), {
      code: "EREADONLY",
      command: { name: "set", args: ["k", "secret"] },
    });
    const redacted = redactCause(error) as Error;
    expect(redacted).toMatchObject({
      message: "READONLY",
      code: "EREADONLY",
      command: "set",
      stack: error.stack,
    });
    expect(JSON.stringify(redacted)).not.toContain("secret");
    expect(error.command.args).toEqual(["k", "secret"]);
  });
});

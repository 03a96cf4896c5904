import { describe, expect, it } from "vitest";
import { compareUtf8 } from "./utf8-order.ts";

const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

describe("compareUtf8", () => {
  it("orders as the UTF-8 bytes do", () => {
    const texts = [
      "",
      "a",
      "b",
      "ab",
      "š",
      "\ud7ff",
      "\ue000",
      "\uffff",
      "\u{10000}",
      "😀",
      "\u{10ffff}",
      "a😀",
      "a\uffff",
    ];
    for (const a of texts) {
      for (const b of texts) expect(Math.sign(compareUtf8(a, b))).toBe(byBytes(a, b));
    }
  });
});

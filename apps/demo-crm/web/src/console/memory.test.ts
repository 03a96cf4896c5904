import { describe, expect, it } from "vitest";
import { megabytes, parseMegabytes } from "./memory.ts";

describe("memory", () => {
  it("reads what the cache says", () => {
    expect(["15.2MB", "512KB", "1.5GB", "1048576B", "much", undefined].map(parseMegabytes)).toEqual([
      15.2,
      0.5,
      1536,
      1,
      null,
      null,
    ]);
  });
  it("says it for people", () => {
    expect([0.5, 1.25, 15.2].map(megabytes)).toEqual(["512 KB", "1.3 MB", "15 MB"]);
  });
});

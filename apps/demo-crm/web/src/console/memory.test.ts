import { describe, expect, it } from "vitest";
import { COUNT_STEPS, MEMORY_STEPS, megabytes, memoryText, parseMegabytes } from "./memory.ts";

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
    expect([0, 0.5, 1.25, 15.2].map(megabytes)).toEqual(["0", "512 KB", "1.25 MB", "15 MB"]);
    expect(["2.6MB", "unknown"].map(memoryText)).toEqual(["2.6 MB", "unknown"]);
  });
  it("has steps for axes that are whole numbers of what they count", () => {
    expect(MEMORY_STEPS.slice(0, 3).map(megabytes)).toEqual(["1 KB", "2 KB", "4 KB"]);
    expect([...MEMORY_STEPS].sort((a, b) => a - b)).toEqual(MEMORY_STEPS);
    expect(COUNT_STEPS.every(Number.isInteger)).toBe(true);
    expect([...COUNT_STEPS].sort((a, b) => a - b)).toEqual(COUNT_STEPS);
  });
});

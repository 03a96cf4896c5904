import { type Cache, createCache, memoryStore } from "@crm/cache-core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CacheWarmer, createCacheWarmer, showProgress } from "./index.ts";

describe("showProgress", () => {
  let cache: Cache;
  let warmer: CacheWarmer;
  beforeEach(() => {
    cache = createCache({ store: memoryStore() });
    warmer = createCacheWarmer(cache);
    for (let n = 0; n < 30; n++) {
      const fetcher = async (): Promise<number> => {
        await new Promise((resolve) => setTimeout(resolve, 2));
        if (n === 29) throw new Error("x");
        return n;
      };
      warmer.register({ key: `k${n}`, ttl: 60, retries: 0, fetcher });
    }
  });
  afterEach(async () => {
    await warmer.close();
    await cache.close();
  });

  it("draws a bar on a terminal, and leaves one line behind", async () => {
    let text = "";
    const stream = { isTTY: true, columns: 60, write: (part: string) => (text += part) };
    const stop = showProgress(warmer, { stream });
    await warmer.warmAll();
    stop();
    const frames = text.split("\r\u001b[2K").filter((frame) => frame !== "");
    expect(frames[0]).toMatch(/^warming \[░+\] 0\/30$/);
    for (const frame of frames) expect(frame.trimEnd().length).toBeLessThanOrEqual(80);
    expect(frames.at(-2)).toMatch(/30\/30, 1 failed$/);
    expect(frames.at(-1)).toMatch(
      /^warming \(all\) done: 30 tasks in \d+ ms, 29 loaded, 0 skipped, 1 failed, 29 keys\n$/,
    );
  });

  it("keeps to one line on a narrow terminal, and takes one that does not know its width for a usual one", async () => {
    for (const columns of [Number.NaN, 0, 1, 12, 20, 30, 31, 40, 200]) {
      let text = "";
      const stream = { isTTY: true, columns, write: (part: string) => (text += part) };
      const stop = showProgress(warmer, { stream });
      await warmer.warmAll();
      stop();
      const frames = text.split("\r\u001b[2K").filter((frame) => frame !== "");
      const width = columns > 0 ? columns : 80;
      for (const frame of frames.slice(0, -1)) expect(frame.length, `${columns}`).toBeLessThan(width);
      if (width > 40) expect(frames[0]).toMatch(/^warming \[░{10,}\] 0\/30$/);
      if (width === 20) expect(frames[0]).toBe("warming 0/30");
    }
  });

  it("writes plain lines where there is no terminal", async () => {
    let text = "";
    const stop = showProgress(warmer, { stream: { write: (part: string) => (text += part) } });
    await warmer.warmAll();
    stop();
    await warmer.warmAll();
    const lines = text.trimEnd().split("\n");
    expect(lines[0]).toBe("warming (all): 30 tasks");
    expect(lines.at(-1)).toContain("done: 30 tasks");
    expect(lines.length).toBe(2);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: none of them may be in a log.
    expect(text).not.toMatch(/[\r\u001b]/);
  });

  it("does not show background runs unless told", async () => {
    let text = "";
    const stop = showProgress(warmer, {
      kinds: ["startup"],
      stream: { write: (part: string) => (text += part) },
    });
    await warmer.warmAll();
    expect(text).toBe("");
    await warmer.performStartupWarming();
    expect(text).toContain("(startup)");
    stop();
  });
});

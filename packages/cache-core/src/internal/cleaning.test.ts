import { seededRandom } from "@crm/testkit";
import { describe, expect, it } from "vitest";
import type { AtomicArgument } from "../atomic-operation.ts";
import { KeySpace } from "../key-space.ts";
import { Cleaning } from "./cleaning.ts";

/** A cleaning whose calls meet `deadShare` dead of what they look at. */
function setUp(deadShare: number, whole = 1) {
  const calls: { members: number; tagged: number }[] = [];
  let incomplete = 0;
  const cleaning = new Cleaning(
    new KeySpace("n", 1),
    async (_bucket, args: readonly AtomicArgument[]) => {
      const [members, ...tags] = args;
      const tagged = tags.reduce<number>((sum, each, i) => (i % 2 === 1 ? sum + Number(each) : sum), 0);
      calls.push({ members: Number(members), tagged });
      return [whole, Number(members), Number(members) * deadShare, tagged, tagged * deadShare];
    },
    seededRandom(1).next,
    () => incomplete++,
  );
  async function write(count: number): Promise<{ members: number; tagged: number }> {
    const before = calls.length;
    for (let i = 0; i < count; i++) {
      cleaning.noteWrite(`k:${i}`, ["t"]);
      if (i % 8 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await new Promise((resolve) => setImmediate(resolve));
    const own = calls.slice(before);
    return {
      members: own.reduce((sum, { members }) => sum + members, 0) / count,
      tagged: own.reduce((sum, { tagged }) => sum + tagged, 0) / count,
    };
  }
  return { calls, write, incomplete: () => incomplete };
}

describe("Cleaning", () => {
  it("looks at the first write, so that an index which may lack members is noticed at once", async () => {
    const { calls, write, incomplete } = setUp(0, 0);
    await write(1);
    expect(calls).toHaveLength(1);
    expect(incomplete()).toBe(1);
  });

  it("looks at one member of the index a write, and hardly at tags where nothing dies", async () => {
    const { write } = setUp(0);
    // The first rounds look at more: what was there before may be dead.
    await write(10_000);
    const settled = await write(4_000);
    expect(settled.members).toBeCloseTo(1, 0);
    expect(settled.tagged).toBeGreaterThan(0.1);
    expect(settled.tagged).toBeLessThan(0.4);
  });

  it("looks at three members of the index and of each tag a write where some are dead", async () => {
    const { write } = setUp(0.25);
    await write(10_000);
    const settled = await write(4_000);
    expect(settled.members).toBeCloseTo(3, 0);
    expect(settled.tagged).toBeCloseTo(3, 0);
  });

  it("owes no more than one call can do", async () => {
    const { calls, write } = setUp(0.25);
    await write(10_000);
    for (const { members } of calls) expect(members).toBeLessThanOrEqual(480);
  });
});

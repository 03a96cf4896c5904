import { type AtomicOperation, type AtomicReply, type MemoryDatabase, memoryStore } from "@crm/cache-core";
import { type SeededRandom, seededRandom } from "@crm/testkit";
import { expect } from "vitest";
import { adjustLimits } from "../../src/scripts/adjust-limits.ts";
import { checkLimits, readChecks } from "../../src/scripts/check-limits.ts";

export const HISTORIES = 300;
export const OPERATIONS = 40;

/** A script for calls of rules of one kind, and how its arguments are made. */
export interface QuickScript<Rule> {
  readonly name: string;
  readonly operation: AtomicOperation;
  readonly read: (reply: AtomicReply, count: number) => number[] | null;
  /** One rule of a limiter. */
  rule(random: SeededRandom, part: string): Rule;
  /** The rule as another call has it: its limit may differ from call to call. */
  vary(random: SeededRandom, rule: Rule): Rule;
  /** As `checkLimits` reads it. */
  wire(rule: Rule): readonly unknown[];
  /** As the script reads the rules of a call. */
  spec(rules: readonly Rule[]): string;
  /** Parts of the keys in which the states of the rules lie. @default a key for each */
  parts?(rules: readonly Rule[]): readonly string[];
}

/**
 * Random histories of calls, by the script where it decides, and by `checkLimits` alone: the same replies, bytes and expiries. Tells how many
 * scripts decided, and how many calls were refused.
 */
export async function compareCalls<Rule extends { readonly part: string }>(
  script: QuickScript<Rule>,
): Promise<{ decided: number; refused: number }> {
  let decided = 0;
  let refused = 0;
  for (let history = 0; history < HISTORIES; history++) {
    const random = seededRandom(`${script.name}/${history}`);
    let now = 1_800_000_000_000;
    const store = memoryStore({ clock: { wall: () => now, monotonic: () => 0, after: () => () => {} } });
    const run = (operation: AtomicOperation, keys: readonly string[], args: readonly (string | number)[]) =>
      store.run(operation, keys, args);
    const rules = Array.from({ length: random.int(1, 4) }, (_, i) => script.rule(random, `r${i}`));
    const planOf = (of: readonly Rule[]) => JSON.stringify([1, ...of.map(script.wire)]);
    const parts = script.parts?.(rules) ?? rules.map(({ part }) => part);
    const all = ["u", "v"].flatMap((subject) => parts.map((part) => `${part}:${subject}`));
    for (let n = 0; n < OPERATIONS; n++) {
      // Now and then the server's clock is set back.
      now += random.chance(0.05) ? -random.int(1, 2_000) : random.pick([0, 1, 20, 600]);
      if (random.chance(0.1)) {
        const what = random.pick(["give", "penalty", "block", "unblock", "reset"]);
        const args = [what, random.int(1, 3), "", planOf(rules), random.pick(["u", "v"])];
        for (const side of ["a:", "b:"]) await run(adjustLimits, [side], args);
        continue;
      }
      // Calls of one script meet in the states of a subject.
      const calls = Array.from({ length: random.int(1, 4) }, () => ({
        of: rules.map((rule) => script.vary(random, rule)),
        cost: random.int(1, 3),
        subject: random.pick(["u", "v"]),
      }));
      const count = rules.length * calls.length;
      const checked = async (side: string, of: typeof calls) => {
        const asked = of.flatMap(({ of: rulesOf, cost, subject }) => [planOf(rulesOf), cost, subject]);
        return (
          readChecks(await run(checkLimits, [side], asked), 1 + 3 * rules.length * of.length) as number[]
        ).slice(1);
      };
      const expected = await checked("b:", calls);
      const keys = [...new Set(calls.flatMap(({ subject }) => parts.map((part) => `a:${part}:${subject}`)))];
      const args = calls.flatMap(({ of, cost, subject }) => [
        script.spec(of),
        cost,
        ...parts.map((part) => keys.indexOf(`a:${part}:${subject}`) + 1),
      ]);
      const quick = script.read(await run(script.operation, keys, args), count);
      const width = 3 * rules.length;
      const left = calls.filter((_, i) => quick === null || (quick[i * width] as number) < 0);
      if (left.length < calls.length) decided++;
      // As a limiter does: what was not judged is asked of the script for any rules.
      const rest = left.length === 0 ? [] : await checked("a:", left);
      const decisions = calls.flatMap((call, i) => {
        const at = left.indexOf(call);
        return at < 0
          ? (quick as number[]).slice(i * width, (i + 1) * width)
          : rest.slice(at * width, (at + 1) * width);
      });
      if (expected.some((figure, i) => i % 3 === 2 && figure > 0)) refused++;
      expect(decisions, `history ${history}, operation ${n}`).toEqual(expected);
      const [a, b] = await Promise.all(
        ["a:", "b:"].map((side) => Promise.all(all.map((key) => store.run(READ, [side + key], [])))),
      );
      expect(a, `history ${history}, operation ${n}`).toEqual(b);
    }
    await store.close();
  }
  return { decided, refused };
}

/** The bytes under a key, and when they expire. */
export const READ: AtomicOperation = {
  name: "read",
  lua: "",
  run: (database: MemoryDatabase, [key]) => [database.get(key as string), database.pttl(key as string)],
};

// Promise 1 under a scheduler: small programs over the memory store, every step of which happens when a seed says so.
//
// Checked in every schedule: no read that began after an acknowledgement sees what was there before it (values, nulls
// and errors, joined or fetched), every caller settles, no lease is left, and the index and the tag know exactly the
// entries that are there. PROMISE_1_SCHEDULES sets how many schedules are walked at random.

import { type SeededRandom, seededRandom } from "@crm/testkit";
import { expect, test } from "vitest";
import { type Choose, drive, type Program, READS, ROWS, Run, WRITES } from "./support/schedules.ts";

const SCHEDULES = Number(process.env.PROMISE_1_SCHEDULES ?? 12_000);
const SEED = Number(process.env.PROMISE_1_SEED ?? Date.now() % 1_000_000);
const GUARDED = READS.filter((read) => read !== "naive");

function randomProgram(random: SeededRandom): Program {
  return random.chance(0.3) ? joinersProgram(random) : anyProgram(random);
}

/** Callers of one process that meet in one fill, whose result is often nothing that is stored. */
function joinersProgram(random: SeededRandom): Program {
  const caches = random.int(1, 2);
  return {
    rows: random.pick(["value", "null", "null", "undefined", "throws", "skips"]),
    tagged: random.pick(["upfront", "in the fetcher"]),
    before: random.pick(["empty", "stale"]),
    cold: random.chance(0.3),
    first: random.pick([1, 2, 2, 3]),
    caches,
    readers: Array.from({ length: random.int(2, 3) }, () => ({
      cache: 0,
      read: random.pick(["getOrSet", "getOrSet", "stale", "force"]),
      times: 1,
    })),
    writers: [{ cache: caches - 1, write: random.chance(0.4) ? "tag" : random.pick(WRITES), times: 1 }],
    stalls: false,
    replies: random.pick(["at once", "later"]),
  };
}

function anyProgram(random: SeededRandom): Program {
  const caches = random.int(1, 3);
  return {
    rows: random.chance(0.4) ? "value" : random.pick(ROWS),
    tagged: random.pick(["upfront", "in the fetcher"]),
    before: random.pick(["empty", "empty", "fresh", "stale"]),
    cold: random.chance(0.3),
    first: random.int(1, 3),
    caches,
    readers: Array.from({ length: random.int(1, 3) }, () => ({
      cache: random.int(0, caches - 1),
      read: random.pick(GUARDED),
      times: random.int(1, 2),
    })),
    writers: Array.from({ length: random.chance(0.8) ? 1 : 2 }, () => ({
      cache: random.int(0, caches - 1),
      write: random.pick(WRITES),
      times: random.int(1, 2),
    })),
    stalls: random.chance(0.15),
    replies: random.pick(["at once", "later"]),
  };
}

/** `set` with two writers: the later version may be overwritten by the earlier, which is the callers' race. */
function isFair({ writers, rows }: Program): boolean {
  if (writers.length > 1 && writers.some(({ write }) => write.startsWith("set"))) return false;
  return !(rows !== "value" && writers.some(({ write }) => write.startsWith("set")));
}

function programOf(number: number): Program {
  for (let attempt = 0; ; attempt++) {
    const program = randomProgram(seededRandom(`${SEED}:${number}:${attempt}`));
    if (isFair(program)) return program;
  }
}

/** Some walks change between actors at every step; others, which find other things, seldom. */
function walkOf(number: number): Choose {
  const random = seededRandom(`${SEED}:${number}`);
  const sticky = random.pick([0, 0.6, 0.9]);
  return (count) => (random.chance(sticky) ? count - 1 : random.int(0, count - 1));
}

async function walk(
  count: number,
  make: (number: number) => Program,
): Promise<{ number: number; run: Run }[]> {
  const failed: { number: number; run: Run }[] = [];
  const numbers = new Map<Run, number>();
  let number = 0;
  await drive(
    () => {
      if (number >= count || failed.length > 5) return undefined;
      const run = new Run(make(number), walkOf(number));
      numbers.set(run, number++);
      return run;
    },
    (run) => {
      if (run.problems.length > 0) failed.push({ number: numbers.get(run) as number, run });
      numbers.delete(run);
    },
  );
  return failed;
}

function describe(failed: readonly { number: number; run: Run }[]): string {
  return failed
    .map(
      ({ number, run }) => `${SEED}:${number} ${run.problems.join("; ")}\n  ${JSON.stringify(run.program)}`,
    )
    .join("\n");
}

test(`no schedule of ${SCHEDULES} breaks the promise (seed ${SEED})`, async () => {
  const began = performance.now();
  const failed = await walk(SCHEDULES, programOf);
  if (process.env.PROMISE_1_REPORT !== undefined) {
    const seconds = (performance.now() - began) / 1000;
    process.stderr.write(
      `${SCHEDULES} schedules in ${seconds.toFixed(1)} s, ${Math.round(SCHEDULES / seconds)}/s\n`,
    );
  }
  expect(describe(failed)).toBe("");
}, 3_600_000);

test("the control, a fill without a lease, is caught in at least 1% of the schedules", async () => {
  const program = (number: number): Program => ({
    ...programOf(number),
    rows: "value",
    before: "empty",
    stalls: false,
    replies: "at once",
    caches: 2,
    readers: [0, 1].map((cache) => ({ cache, read: "naive", times: 2 })),
    writers: [{ cache: 0, write: WRITES[number % 4] as "del", times: 1 }],
  });
  let caught = 0;
  // 2.4 to 3.2% are caught: so many that chance does not come near 1%.
  const count = 3_000;
  let number = 0;
  await drive(
    () => {
      if (number >= count) return undefined;
      const at = number++;
      return new Run(program(at), walkOf(at));
    },
    (run) => {
      if (run.problems.some((problem) => problem.includes("acknowledged was"))) caught++;
    },
  );
  expect(caught / count).toBeGreaterThan(0.01);
});

/** Walks every schedule of a program, depth first, up to a limit. */
async function exhaust(
  program: Program,
  limit: number,
): Promise<{ count: number; whole: boolean; failed: Run[] }> {
  const prefixes: number[][] = [[]];
  const lengths = new Map<Run, number>();
  const failed: Run[] = [];
  let count = 0;
  let running = 0;
  while (prefixes.length > 0 && count < limit) {
    await drive(
      () => {
        const prefix = count < limit ? prefixes.pop() : undefined;
        if (prefix === undefined) return undefined;
        count++;
        running++;
        let at = 0;
        const run = new Run(program, () => prefix[at++] ?? 0);
        lengths.set(run, prefix.length);
        return run;
      },
      (run) => {
        running--;
        if (run.problems.length > 0) failed.push(run);
        for (let at = lengths.get(run) as number; at < run.trace.length; at++) {
          for (let other = 1; other < (run.choices[at] as number); other++) {
            prefixes.push([...run.trace.slice(0, at), other]);
          }
        }
        lengths.delete(run);
      },
    );
  }
  return { count, whole: prefixes.length === 0 && running === 0, failed };
}

for (const write of WRITES) {
  for (const [name, read, before] of [
    ["a fill", "getOrSet", "empty"],
    ["a background refresh", "stale", "stale"],
    ["a forced refresh", "force", "fresh"],
    ["a fill by hand", "lease", "empty"],
  ] as const) {
    test(`every schedule of ${name} and ${write}`, async () => {
      const result = await exhaust(
        {
          rows: "value",
          tagged: "in the fetcher",
          before,
          cold: false,
          first: 1,
          caches: 2,
          readers: [{ cache: 0, read, times: 1 }],
          writers: [{ cache: 1, write, times: 1 }],
          stalls: false,
          replies: "at once",
        },
        20_000,
      );
      expect(result.failed.map(({ problems, trace }) => `${problems.join("; ")} at ${trace}`)).toEqual([]);
      expect(result.whole).toBe(true);
      expect(result.count).toBeGreaterThan(20);
    });
  }
}

import { setTimeout as sleep } from "node:timers/promises";
import type { OpenCache } from "../contender.ts";
import { type CaseSummary, type Criterion, OURS, type Row, type Run, type Scenario } from "../scenario.ts";
import { findRow, median, ratioTo } from "../statistics.ts";

const PEER = "redis-semaphore";
const ROWS: readonly Row[] = [OURS, "redlock", PEER].map((label) => ({ label, contender: `${label} lock` }));
const HOLD_MS = 1;
const CONTENDERS = 50;
/** Hand-offs before the first that counts: by then their code is compiled. */
const WARM_HAND_OFFS = 200;
/** The same for those who contend: by then no round is slower than the others because it is one of the first. */
const WARM_ACQUISITIONS = 500;

type Take = NonNullable<OpenCache["acquireLock"]>;

export const lock: Scenario = {
  name: "lock",
  title: "Locks: hand-off, waiting and contention",
  about:
    "*hand-off*: two processes take one lock in turns; measured from before one calls its release to the moment at which the other, which waited, holds it, by the machine's monotonic clock; percentiles of both directions together. Who polls mostly finds the lock taken again, so few hand-offs of redlock count. *idle*: one process, 50 calls wait for a lock that is held; commands that clients sent in three seconds, by a second. *contention*: one process, 50 loops take, hold for 1 ms and release one lock, counted after the first 500 acquisitions; *longest wait* is in shares of a fair round (50 × time / acquisitions), *inversions* are acquisitions that overtook an earlier call.",
  columns: [
    { key: "p50", title: "hand-off p50 ms" },
    { key: "p99", title: "hand-off p99 ms" },
    { key: "commands", title: "commands/s" },
    { key: "rate", title: "acquisitions/s", ratio: true },
    { key: "longest", title: "longest wait, fair rounds" },
    { key: "inversions", title: "inversions" },
    { key: "p50Us", title: "take and give back, µs" },
  ],
  processes: 2,
  maxRounds: 5,
  memory: false,
  cases: () =>
    ["hand-off", "idle", "contention", "uncontended"].map((name) => ({
      name,
      tags: false,
      limit: PEER,
      rows: ROWS,
    })),
  prepare: async ({ cache, case: { name }, server, settings }: Run) => {
    const take = cache.acquireLock!;
    for (let i = 0; i < 200; i++) await (await take(`warm-up ${process.pid}`))();
    // Processes of one measurement begin together; one of them is the first.
    const isFirst = (await server.take("first")) === 1;
    if (name === "hand-off") return () => handOff(take, server.port, isFirst, settings.quick ? 60 : 300);
    if (!isFirst) return async () => ({});
    if (name === "idle") return () => idle(take, () => server.sent());
    if (name === "contention") return () => contend(take, settings.quick ? 1_000 : 3_000);
    return () => alone(take, settings.quick ? 500 : 2_000);
  },
  // What both have measured is told by the first.
  merge: (parts) => Object.assign({}, ...parts),
  criteria,
};

/** Monotonic, and one for the machine. */
const now = (): number => Number(process.hrtime.bigint()) / 1e6;

/** Nothing but the lock is asked while it goes from hand to hand: who gave it back when is compared afterwards. */
async function handOff(
  take: Take,
  port: number,
  isFirst: boolean,
  times: number,
): Promise<Record<string, number>> {
  const held: { asked: number; got: number }[] = [];
  const given: number[] = [];
  for (let i = -WARM_HAND_OFFS; i < times; i++) {
    const asked = now();
    const giveBack = await take("handed over");
    if (i >= 0) held.push({ asked, got: now() });
    await sleep(5);
    given.push(now());
    await giveBack();
    await sleep(1);
  }
  const others = await exchange("given", port, isFirst, given);
  const own: number[] = [];
  for (const { asked, got } of held) {
    // Only when it was given back while this process already waited.
    const last = others.findLast((at) => at < got);
    if (last !== undefined && last > asked) own.push(got - last);
  }
  const waits = [...own, ...(await exchange("waited", port, isFirst, own))];
  if (!isFirst) return {};
  waits.sort((a, b) => a - b);
  const at = (share: number): number => waits[Math.floor(share * (waits.length - 1))] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99) };
}

/** Tells the other process what this one has measured, and resolves to what that one has. */
async function exchange(
  what: string,
  port: number,
  isFirst: boolean,
  mine: readonly number[],
): Promise<number[]> {
  const { Redis } = await import("ioredis6");
  const side = new Redis({ port, host: "127.0.0.1" });
  await side.rpush(`${what}, ${isFirst ? "first" : "second"}`, JSON.stringify(mine));
  const [, theirs] = (await side.blpop(`${what}, ${isFirst ? "second" : "first"}`, 600)) ?? [];
  side.disconnect();
  return JSON.parse(theirs ?? "[]");
}

async function idle(take: Take, sent: () => Promise<number>): Promise<Record<string, number>> {
  const giveBack = await take("held");
  const waiting = Array.from({ length: 50 }, async () => (await take("held"))());
  await sleep(1_500);
  const before = await sent();
  await sleep(3_000);
  const commands = ((await sent()) - before) / 3;
  await giveBack();
  await Promise.all(waiting);
  return { commands };
}

/** Loops that never pause between the first acquisition, which does not count, and the last. */
async function contend(take: Take, durationMs: number): Promise<Record<string, number>> {
  let arrivals = 0;
  let taken = 0;
  let counted = 0;
  let inversions = 0;
  let began = Number.POSITIVE_INFINITY;
  let until = Number.POSITIVE_INFINITY;
  let last = 0;
  const waits: number[] = [];
  const waiting = new Set<number>();
  await Promise.all(
    Array.from({ length: CONTENDERS }, async () => {
      while (performance.now() < until) {
        const arrival = arrivals++;
        const asked = performance.now();
        waiting.add(arrival);
        const giveBack = await take("contended");
        const got = performance.now();
        waiting.delete(arrival);
        if (++taken === WARM_ACQUISITIONS) {
          began = got;
          until = got + durationMs;
        }
        if (got > began && got < until) {
          counted++;
          last = got;
          for (const other of waiting) {
            if (other < arrival) inversions++;
            break;
          }
        }
        if (asked >= began) waits.push(got - asked);
        await sleep(HOLD_MS);
        await giveBack();
      }
    }),
  );
  const tookMs = last - began;
  return {
    rate: (counted / tookMs) * 1_000,
    longest: Math.max(...waits) / ((CONTENDERS * tookMs) / counted),
    inversions,
  };
}

async function alone(take: Take, durationMs: number): Promise<Record<string, number>> {
  const times: number[] = [];
  const until = performance.now() + durationMs;
  while (performance.now() < until) {
    const began = performance.now();
    await (await take("alone"))();
    times.push((performance.now() - began) * 1_000);
  }
  return { p50Us: median(times), rate: times.length / (durationMs / 1_000) };
}

function criteria(summaries: readonly CaseSummary[]): readonly Criterion[] {
  const found: Criterion[] = [];
  const figure = (name: string, key: string): number | undefined => {
    const summary = summaries.find((each) => each.name === name);
    const row = summary && findRow(summary, OURS);
    return row?.figures[key] && median(row.figures[key]);
  };
  const atMost = (promise: string, name: string, key: string, bound: number): void => {
    const value = figure(name, key);
    if (value !== undefined) found.push({ promise, measured: value.toFixed(2), kept: value <= bound });
  };
  atMost("hand-off p50 at most 1 ms", "hand-off", "p50", 1);
  atMost("hand-off p99 at most 3 ms", "hand-off", "p99", 3);
  atMost("50 idle waiters: at most 1 command/s", "idle", "commands", 1);
  atMost("50 contenders: longest wait at most 1.25 fair rounds", "contention", "longest", 1.25);
  atMost("50 contenders: no inversion", "contention", "inversions", 0);
  const contention = summaries.find(({ name }) => name === "contention");
  const ours = contention && findRow(contention, OURS);
  const peer = contention && findRow(contention, PEER);
  if (ours && peer) {
    const ratio = ratioTo(ours, peer, "rate");
    found.push({
      promise: `50 contenders: throughput at least that of ${PEER}`,
      measured: ratio.toFixed(2),
      kept: ratio >= 1,
    });
  }
  return found;
}

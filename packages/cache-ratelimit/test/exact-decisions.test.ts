// Every decision is the one that the definition of the algorithm gives, in the order of the server.
//
// 8 processes with 64 calls in flight each, their clocks up to an hour apart, decide on 1,000 keys with costs of 1 to 20.
// What the server replied is sorted by the server's time and replayed through models that share no code with the
// scripts. EXACT_DECISIONS sets how many there are; the full run is 1,000,000.

import { type RedisServer, spawnWorker, startRedis, type Worker } from "@crm/testkit";
import { expect, test } from "vitest";
import { createReferenceModel, type ReferenceModel } from "../src/testing/reference-model.ts";
import { EXACT_RULES, type ExactName, type ExactRule } from "./support/exact-plan.ts";

const DECISIONS = Number(process.env.EXACT_DECISIONS ?? 40_000);
const SEED = Number(process.env.EXACT_SEED ?? Date.now() % 1_000_000);
const HOUR = 3_600_000;
const SKEWS = [-HOUR, -HOUR / 2, -60_000, 0, 0, 1_000, HOUR / 2, HOUR];

type Decision = [
  micros: number,
  place: number,
  limiter: ExactName,
  key: string,
  cost: number,
  allowed: boolean,
];

/** All or nothing. */
function together(rules: readonly ExactRule[]): ReferenceModel {
  const models = rules.map(createReferenceModel);
  return {
    fits: (nowMs, cost) => models.every((model) => model.fits(nowMs, cost)),
    spend: (nowMs, cost) => {
      for (const model of models) model.spend(nowMs, cost);
    },
  };
}

function replay(decisions: readonly Decision[], models: (limiter: ExactName) => ReferenceModel): number {
  const known = new Map<string, ReferenceModel>();
  let differing = 0;
  for (const [micros, , limiter, key, cost, allowed] of decisions) {
    const name = `${limiter} ${key}`;
    const model = known.get(name) ?? models(limiter);
    known.set(name, model);
    const nowMs = Math.floor(micros / 1000);
    if (model.fits(nowMs, cost) !== allowed) differing++;
    if (allowed) model.spend(nowMs, cost);
  }
  return differing;
}

test(`0 of ${DECISIONS} decisions of 8 processes differ from the models (seed ${SEED})`, async () => {
  await using redis: RedisServer = await startRedis({ control: true });
  const workers: Worker[] = await Promise.all(
    SKEWS.map((skew, i) =>
      spawnWorker(new URL("./workers/skewed-limits.ts", import.meta.url), {
        args: [redis.url, String(skew), String(i)],
        readyTimeoutMs: 60_000,
      }),
    ),
  );
  const decisions: Decision[] = [];
  try {
    const clocks = await Promise.all(workers.map((worker) => worker.call<number>("now")));
    expect(Math.max(...clocks) - Math.min(...clocks)).toBeGreaterThan(2 * HOUR - 5_000);
    const batch = 5_000;
    for (let done = 0, seed = SEED; done < DECISIONS; done += batch * SKEWS.length, seed++) {
      const count = Math.min(batch, Math.ceil((DECISIONS - done) / SKEWS.length));
      const parts = await Promise.all(
        workers.map((worker) =>
          worker.call<{ decisions: Decision[]; differing: number }>("decide", { count, seed }),
        ),
      );
      for (const part of parts) {
        expect(part.differing).toBe(0);
        for (const decision of part.decisions) decisions.push(decision);
      }
    }
  } finally {
    await Promise.all(workers.map((worker) => worker.stop()));
  }
  decisions.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const allowed = decisions.filter((decision) => decision[5]).length;
  const differing = replay(decisions, (limiter) => together(EXACT_RULES[limiter]));
  if (process.env.EXACT_REPORT !== undefined) {
    process.stderr.write(
      `${JSON.stringify({ seed: SEED, decisions: decisions.length, allowed, differing })}\n`,
    );
  }
  expect(decisions.length).toBeGreaterThanOrEqual(DECISIONS);
  expect(differing).toBe(0);
  // The run was worth something: each answer came often.
  expect(allowed).toBeGreaterThan(decisions.length / 20);
  expect(allowed).toBeLessThan(decisions.length * 0.95);
  // The control: a model whose limit is one off, or the same decisions in another order, differ.
  const off = replay(decisions, (limiter) =>
    together(EXACT_RULES[limiter].map((rule) => ({ ...rule, limit: rule.limit + 1 }))),
  );
  expect(off).toBeGreaterThan(0);
}, 3_600_000);

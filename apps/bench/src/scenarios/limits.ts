import { measureLoad, measureSequential, warmUp } from "../measure.ts";
import { createRandom } from "../records.ts";
import type { Case, CaseSummary, Criterion, Row, RowSummary, Scenario } from "../scenario.ts";
import { findRow, ratioTo } from "../statistics.ts";

const KEYS = 1_000;
const DRAWS = 65_536;
const OURS = "crm-ratelimit";
const FLEXIBLE = "rate-limiter-flexible";
const PEERS = ["rate-limit-redis", FLEXIBLE, "@upstash/ratelimit scripts"];
const ONE = "one limit, ";
const RULE = "one rule, ";
const FOUR = "four limits, ";
const DENIED = "a refused subject, again";

const rows = (...names: string[]): Row[] => names.map((name) => ({ label: name, contender: name }));

export const limits: Scenario = {
  name: "limits",
  title: "Rate limits",
  about:
    "Checks of 1,000 subjects, uniformly drawn, all of them allowed, with one call or 64 calls under way. *One limit* is a fixed window; *four limits* are judged in one call (`RateLimiterUnion` judges them apart), and *one rule* is what the same limiter takes for one. *A refused subject, again*, is asked one call after the other. Ratios are to `rate-limiter-flexible`.",
  columns: [
    { key: "ops", title: "checks/s", ratio: true },
    { key: "cpu", title: "CPU µs", ratio: true },
    { key: "p50", title: "p50 µs" },
    { key: "p99", title: "p99 µs" },
    { key: "server", title: "Redis µs a check" },
    { key: "commands", title: "commands a check" },
  ],
  memory: false,
  cases: ({ quick }): Case[] => {
    const peers = quick ? PEERS.slice(0, 2) : PEERS;
    const ofCase = (name: string, all: Row[]): Case => ({ name, tags: false, limit: FLEXIBLE, rows: all });
    return [
      ofCase(`${ONE}64 in flight`, rows(OURS, ...peers)),
      ...(quick ? [] : [ofCase(`${ONE}1 in flight`, rows(OURS, ...peers))]),
      ofCase(`${RULE}64 in flight`, rows(OURS, FLEXIBLE)),
      ...(quick ? [] : [ofCase(`${RULE}1 in flight`, rows(OURS, FLEXIBLE))]),
      ofCase(`${FOUR}64 in flight`, rows(OURS, FLEXIBLE)),
      ...(quick ? [] : [ofCase(`${FOUR}1 in flight`, rows(OURS, FLEXIBLE))]),
      ofCase("GCRA, 64 in flight", rows(OURS, ...peers.filter((name) => name !== "rate-limit-redis"))),
      ofCase(DENIED, rows(OURS, FLEXIBLE)),
    ];
  },
  prepare: async ({ cache, case: { name }, server, settings }) => {
    const random = createRandom(3);
    const order = Array.from({ length: DRAWS }, () => `user:${Math.floor(random() * KEYS)}`);
    const key = (i: number) => order[i & (DRAWS - 1)]!;
    const count = name.startsWith("four") ? 4 : 1;
    const smooth = name.startsWith("GCRA");
    const byRule = name.startsWith(RULE) && cache.limitByRule !== undefined;
    const wrong = (allowed: boolean): void => {
      if (allowed === (name === DENIED)) throw new Error(`a check was ${allowed ? "allowed" : "refused"}`);
    };
    const call = async (i: number): Promise<void> =>
      wrong(
        await (name === DENIED
          ? cache.denied!()
          : smooth
            ? cache.limitSmoothly!(key(i))
            : byRule
              ? cache.limitByRule!(key(i))
              : cache.limit!(key(i), count)),
      );
    const inFlight = name.includes("64") ? 64 : 1;
    await warmUp(call, inFlight, settings.warmMs);
    return async () => {
      const before = await server.work();
      const load =
        name === DENIED
          ? { ...(await measureSequential(call, settings.measureMs)), p50Us: 0, p99Us: 0 }
          : await measureLoad(call, inFlight, settings.measureMs);
      const after = await server.work();
      const figures = {
        ops: load.opsPerSecond,
        cpu: load.cpuUs,
        server: (after.scriptUs - before.scriptUs) / load.ops,
        commands: Math.round(((after.sent - before.sent) / load.ops) * 100) / 100,
      };
      return name === DENIED ? figures : { ...figures, p50: load.p50Us, p99: load.p99Us };
    };
  },
  criteria: (summaries) => [...againstPeers(summaries), ...againstOurselves(summaries)],
};

function againstPeers(summaries: readonly CaseSummary[]): Criterion[] {
  return summaries.flatMap((summary) => {
    const ours = findRow(summary, OURS);
    const rivals = summary.name.startsWith(ONE) ? PEERS : summary.name.startsWith("GCRA") ? [FLEXIBLE] : [];
    return rivals.flatMap((label) => {
      const rival = findRow(summary, label);
      if (ours === undefined || rival === undefined) return [];
      const ratio = ratioTo(ours, rival, "ops");
      return { promise: `${summary.name}: at least ${label}`, measured: ratio.toFixed(2), kept: ratio >= 1 };
    });
  });
}

function againstOurselves(summaries: readonly CaseSummary[]): Criterion[] {
  const rowOf = (name: string): RowSummary | undefined => {
    const summary = summaries.find((each) => each.name === name);
    return summary && findRow(summary, OURS);
  };
  const criteria: Criterion[] = [];
  for (const inFlight of ["1 in flight", "64 in flight"]) {
    const [one, four] = [rowOf(RULE + inFlight), rowOf(FOUR + inFlight)];
    if (one === undefined || four === undefined) continue;
    const ratio = ratioTo(one, four, "ops");
    criteria.push({
      promise: `four limits, ${inFlight}: at most 2 × one rule`,
      measured: ratio.toFixed(2),
      kept: ratio <= 2,
    });
  }
  const denied = rowOf(DENIED);
  if (denied !== undefined) {
    const worst = Math.min(...(denied.figures.ops ?? [0]));
    const commands = Math.max(...(denied.figures.commands ?? [1]));
    criteria.push({
      promise: "a refused subject: at least 1,000,000/s, no command",
      measured: `${Math.round(worst).toLocaleString("en")}/s, ${commands}`,
      kept: worst >= 1_000_000 && commands === 0,
    });
  }
  return criteria;
}

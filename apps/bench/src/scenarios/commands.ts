import type { OpenCache } from "../contender.ts";
import { createRecord } from "../records.ts";
import { type Case, OURS, type Row, type Scenario } from "../scenario.ts";

const TIMES = 20;
const PEERS = ["async-cache-dedupe", "bentocache", "cache-manager", "cacheable", "cachified"];
const TAGS = ["team:1", "owners:1", "profiles:1"];
const record = createRecord(1);
const fetcher = async () => record;

type Step = (cache: OpenCache, i: number) => Promise<unknown> | undefined;

/** In this order, since later steps use what earlier ones wrote. */
const STEPS: Readonly<Record<string, Step>> = {
  miss: (cache, i) => cache.getOrSet?.(`filled:${i}`, fetcher),
  hit: (cache, i) => cache.getOrSet?.(`filled:${i}`, fetcher),
  set: (cache, i) => cache.set(`plain:${i}`, record),
  "set, 3 tags": (cache, i) => cache.set(`tagged:${i}`, record, [`team:${i}`, ...TAGS.slice(1)]),
  del: (cache, i) => cache.del?.(`filled:${i}`),
  "by tag": (cache, i) => cache.invalidateByTag?.(`team:${i}`),
  "by pattern": (cache, i) => cache.invalidatePattern?.(`plain:${i}*`),
  "getMany of 50": (cache) => cache.getMany?.(Array.from({ length: 50 }, (_, i) => `found:${i}`)),
  "getOrSetMany of 50, 10 missing": (cache, i) =>
    cache.getOrSetMany?.(
      Array.from({ length: 50 }, (_, j) => (j < 40 ? `found:${j}` : `many:${i}:${j}`)),
      fetcher,
    ),
};

export const commands: Scenario = {
  name: "commands",
  title: "Commands an operation",
  about:
    "The mean over 20 operations, one after the other, in-process tier off, tags enabled where that is an option, as seen by MONITOR: what crosses the network, and what scripts execute inside the server. *hit*, *miss* and *del* are of entries without tags; *by tag* and *by pattern* invalidate one entry. Heartbeats and background work that fall into the interval are counted.",
  columns: Object.keys(STEPS).map((key) => ({ key, title: key })),
  maxRounds: 1,
  memory: false,
  cases: ({ quick }): Case[] => {
    const row = (label: string): Row => ({ label, contender: label });
    return [
      { name: "sent", tags: true, limit: "", rows: quick ? [row(OURS)] : [OURS, ...PEERS].map(row) },
      { name: "inside scripts", tags: true, limit: "", rows: [row(OURS)] },
    ];
  },
  prepare: async ({ cache, server, case: { name } }) => {
    for (let i = 0; i < 50; i++) await cache.set(`found:${i}`, record);
    await cache.getOrSet?.("ready", fetcher);
    return async () => {
      const means: Record<string, number> = {};
      for (const [step, run] of Object.entries(STEPS)) {
        let supported = true;
        const trace = await server.trace(async () => {
          for (let i = 0; i < TIMES && supported; i++) {
            const running = run(cache, i);
            supported = running !== undefined;
            await running;
          }
        });
        if (supported) means[step] = trace[name === "sent" ? "sent" : "inside"].length / TIMES;
      }
      return means;
    };
  },
  criteria: () => [],
};

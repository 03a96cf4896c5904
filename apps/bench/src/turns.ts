// Rate limit checks by several contenders in one process, turn by turn: differences of a few percent, which get lost between the processes of
// `pnpm bench`. Ratios of turns that follow each other, so that what slows a machine for a while cancels.

import { parseArgs } from "node:util";
import type { OpenCache } from "./contender.ts";
import { CONTENDERS } from "./contenders/index.ts";
import { keepToCore } from "./pinned.ts";
import { startServer } from "./server.ts";
import { median } from "./statistics.ts";

const { values } = parseArgs({
  args: process.argv.slice(2).filter((argument) => argument !== "--"),
  options: {
    "in-flight": { type: "string", default: "1" },
    limits: { type: "string", default: "1" },
    turns: { type: "string", default: "21" },
    calls: { type: "string", default: "3000" },
  },
});
const [inFlight, turns, calls] = [Number(values["in-flight"]), Number(values.turns), Number(values.calls)];
const OURS = "crm-ratelimit";
const PEERS = ["rate-limit-redis", "rate-limiter-flexible", "@upstash/ratelimit scripts"];
const SUBJECTS = 1_000;
const WARM_CALLS = 20_000;

interface Player {
  readonly name: string;
  readonly opened: OpenCache;
  readonly limits: number;
  readonly means: number[];
  readonly medians: number[];
}

const server = await startServer();
keepToCore("contender");
const players: Player[] = [];
for (const limits of values.limits.split(",").map(Number)) {
  for (const name of [OURS, ...(limits === 1 ? PEERS : ["rate-limiter-flexible"])]) {
    const opened = await (await CONTENDERS[name]!()).open({ port: server.port, memory: false, tags: false });
    players.push({
      name: `${name}, ${limits} ${limits === 1 ? "limit" : "limits"}`,
      opened,
      limits,
      means: [],
      medians: [],
    });
  }
}
const first = players[0]!;

/** µs that each of `count` calls took, and µs a call in all. */
async function play({ opened, limits }: Player, count: number): Promise<{ us: number[]; mean: number }> {
  const us: number[] = [];
  let next = 0;
  const began = performance.now();
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (next < count) {
        const before = performance.now();
        // 7,919 is a prime: it scatters them.
        await opened.limit!(`user:${(next++ * 7_919) % SUBJECTS}`, limits);
        us.push((performance.now() - before) * 1_000);
      }
    }),
  );
  return { us, mean: ((performance.now() - began) * 1_000) / count };
}

for (const player of players) await play(player, WARM_CALLS);
for (let turn = 0; turn < turns; turn++) {
  for (let i = 0; i < players.length; i++) {
    const player = players[(turn + i) % players.length]!;
    const { us, mean } = await play(player, calls);
    player.means.push(mean);
    player.medians.push(median(us));
  }
}

console.log(
  `${inFlight} in flight, µs, medians of ${turns} turns of ${calls} calls; ratios to the first row, turn by turn\n`,
);
console.log("| | a call | ratio | p50 | ratio |\n|---|---:|---:|---:|---:|");
for (const { name, opened, means, medians } of players) {
  const ratio = (own: number[], those: number[]): string =>
    median(own.map((each, i) => each / those[i]!)).toFixed(2);
  const figures = [
    median(means).toFixed(1),
    ratio(means, first.means),
    median(medians).toFixed(1),
    ratio(medians, first.medians),
  ];
  console.log(`| ${[name, ...figures].join(" | ")} |`);
  await opened.close();
}
await server.stop();

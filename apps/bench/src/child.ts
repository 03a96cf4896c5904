import { setTimeout as sleep } from "node:timers/promises";
import { CONTENDERS } from "./contenders/index.ts";
import type { Measurement, Settings } from "./scenario.ts";
import { SCENARIOS } from "./scenarios/index.ts";
import { Server } from "./server.ts";

/** What the parent sends: which measurement to make. */
export interface Task {
  readonly scenario: string;
  readonly case: string;
  readonly row: string;
  readonly port: number;
  readonly settings: Settings;
}

/** What the child answers, in this order (`ready` is the note on the contender); between the two it waits for any message. */
export type Answer = { readonly ready: string } | { readonly measurement: Measurement };

process.once("message", async (task: Task) => {
  const scenario = SCENARIOS.find(({ name }) => name === task.scenario)!;
  const ofCase = scenario.cases(task.settings).find(({ name }) => name === task.case)!;
  const row = ofCase.rows.find(({ label }) => label === task.row)!;
  const contender = await CONTENDERS[row.contender]!();
  const server = new Server(task.port);
  const cache = await contender.open({ port: task.port, memory: scenario.memory, tags: ofCase.tags });
  const measure = await scenario.prepare({ cache, row, case: ofCase, server, settings: task.settings });

  process.once("message", async () => {
    const measurement = await measure();
    await Promise.race([cache.close(), sleep(500)]);
    server.close();
    process.send!({ measurement } satisfies Answer, () => process.exit(0));
  });
  process.send!({ ready: contender.note } satisfies Answer);
});

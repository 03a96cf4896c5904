import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Answer, Task } from "./child.ts";
import { pinned } from "./pinned.ts";
import type { Case, CaseSummary, Measurement, Row, Scenario, Settings } from "./scenario.ts";
import { Server, startServer } from "./server.ts";

export interface RunOptions {
  readonly settings: Settings;
  readonly rounds: number;
  /** Labels that contain one of these run, and the limit; without any, all do. */
  readonly only: readonly string[];
  /** Arguments of Node for the children. */
  readonly nodeArguments: readonly string[];
  onProgress(text: string): void;
  onFailure(text: string): void;
}

export function roundsOf(
  { maxRounds }: Scenario,
  { rounds, settings }: Pick<RunOptions, "rounds" | "settings">,
): number {
  if (maxRounds === undefined) return rounds;
  return settings.quick ? 1 : Math.min(rounds, maxRounds);
}

/** Interleaves the contenders round by round, each in a fresh process against a fresh server. */
export async function runScenario(scenario: Scenario, options: RunOptions): Promise<CaseSummary[]> {
  const cases = scenario.cases(options.settings).map((ofCase) => ({
    ofCase,
    rows: ofCase.rows.filter(
      ({ label }) =>
        options.only.length === 0 ||
        label === ofCase.limit ||
        options.only.some((part) => label.includes(part)),
    ),
  }));
  const results = new Map<string, { note: string; figures: Record<string, number[]> }>();
  const rounds = roundsOf(scenario, options);
  for (let round = 0; round < rounds; round++) {
    for (const { ofCase, rows } of cases) {
      // Another contender begins each time, so that none always follows the same one.
      for (let i = 0; i < rows.length; i++) {
        const row = rows[(i + round) % rows.length]!;
        const where = nameOf(ofCase, row);
        options.onProgress(`${scenario.name}, round ${round + 1} of ${rounds}: ${where}`);
        try {
          const { note, measurement } = await measureOnce(scenario, ofCase, row, options);
          const { figures } = results.get(where) ?? { figures: {} as Record<string, number[]> };
          for (const [key, figure] of Object.entries(measurement)) {
            figures[key] = [...(figures[key] ?? []), figure];
          }
          results.set(where, { note, figures });
        } catch (error) {
          options.onFailure(`${scenario.name}, ${where}: ${error instanceof Error ? error.message : error}`);
        }
      }
    }
  }
  options.onProgress("");
  return cases.map(({ ofCase, rows }) => ({
    name: ofCase.name,
    limit: ofCase.limit,
    rows: rows.map((row) => ({
      label: row.label,
      ...(results.get(nameOf(ofCase, row)) ?? { note: "failed", figures: {} }),
    })),
  }));
}

function nameOf(ofCase: Case, row: Row): string {
  return `${ofCase.name}, ${row.label}`;
}

async function measureOnce(
  scenario: Scenario,
  ofCase: Case,
  row: Row,
  options: RunOptions,
): Promise<{ note: string; measurement: Measurement }> {
  const { port, stop } = await startServer();
  const server = new Server(port);
  const children: Child[] = [];
  try {
    const bytesBefore = await server.usedMemory();
    const processes = scenario.processes ?? 1;
    for (let i = 0; i < processes; i++) children.push(new Child(options.nodeArguments, processes === 1));
    const task: Task = {
      scenario: scenario.name,
      case: ofCase.name,
      row: row.label,
      port,
      settings: options.settings,
    };
    const [note] = await Promise.all(children.map((child) => child.prepare(task)));
    const commandsBefore = await server.commands();
    const parts = await Promise.all(children.map((child) => child.measure()));
    const commands = (await server.commands()) - commandsBefore;
    if (scenario.merge === undefined) return { note: note!, measurement: parts[0]! };
    // The server frees what it held for the connections, and finishes resizing its tables.
    await sleep(300);
    const bytes = (await server.usedMemory()) - bytesBefore;
    return { note: note!, measurement: scenario.merge(parts, { commands, bytes }) };
  } finally {
    for (const child of children) child.kill();
    server.close();
    await stop();
  }
}

const CHILD = fileURLToPath(new URL("./child.ts", import.meta.url));
const TIMEOUT_MS = 900_000;

class Child {
  readonly #process: ChildProcess;

  constructor(nodeArguments: readonly string[], pin: boolean) {
    const args = ["--disable-warning=ExperimentalWarning", ...nodeArguments, CHILD];
    const [command, all] = pin ? pinned("contender", process.execPath, args) : [process.execPath, args];
    this.#process = spawn(command, all, {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      serialization: "advanced",
    });
  }

  async prepare(task: Task): Promise<string> {
    this.#process.send(task);
    const answer = await this.#answer();
    if (!("ready" in answer)) throw new Error("answered out of order");
    return answer.ready;
  }

  async measure(): Promise<Measurement> {
    const exited = once(this.#process, "exit");
    this.#process.send({});
    const answer = await this.#answer();
    if (!("measurement" in answer)) throw new Error("answered out of order");
    await exited;
    return answer.measurement;
  }

  async #answer(): Promise<Answer> {
    const late = new AbortController();
    const { signal } = late;
    try {
      return await Promise.race([
        once(this.#process, "message", { signal }).then(([answer]) => answer as Answer),
        once(this.#process, "exit", { signal }).then(([code]) => {
          throw new Error(`the process ended with ${code} before it answered`);
        }),
        sleep(TIMEOUT_MS, undefined, { signal }).then(() => {
          throw new Error(`no answer within ${TIMEOUT_MS / 1000} s`);
        }),
      ]);
    } finally {
      late.abort();
    }
  }

  kill(): void {
    this.#process.kill("SIGKILL");
  }
}

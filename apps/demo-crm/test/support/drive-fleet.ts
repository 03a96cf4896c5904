// Drives several instances of the demo over HTTP, as people would: mostly reads, of a few companies often (Zipf), and 5% writes.
// Every write that was acknowledged is a floor for what may be read from then on, from any instance.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { percentiles } from "../../src/live/percentiles.ts";
import { zipf } from "../../src/live/zipf.ts";

const MAIN = new URL("../../src/main.ts", import.meta.url).pathname;
const USER = "darcel-schlecht";
const PASSWORD = "of this run";
const WRITE_SHARE = 0.05;
/** Then a client takes a new connection, and with it another instance. */
const REQUESTS_A_CONNECTION = 20;
const EMPTY = "/healthz";
const AGGREGATES = ["pipeline", "revenue-by-sector", "leaderboard"];

export interface Fleet {
  readonly url: string;
  readonly child: ChildProcess;
  readonly output: () => string;
  stop(): Promise<number | null>;
}

/** The demo with so many instances, from the sources. Resolves when it is ready. */
export async function startFleet(
  env: Record<string, string>,
  args: readonly string[] = ["--instances", "3"],
): Promise<Fleet> {
  const { PATH, NODE_OPTIONS } = process.env;
  const given = {
    PATH,
    NODE_OPTIONS,
    PORT: "0",
    LOG_LEVEL: "warn",
    DEMO_PASSWORD: PASSWORD,
    REQUESTS_PER_MINUTE: "100000000",
  };
  const child = spawn(process.execPath, ["--conditions=@crm/source", MAIN, ...args], {
    cwd: tmpdir(),
    env: { ...given, ...env } as NodeJS.ProcessEnv,
  });
  let output = "";
  const closed = once(child, "close").then(([code]) => code as number | null);
  const ready = new Promise<void>((resolve) => {
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
        if (output.includes("Ready after")) resolve();
      });
  });
  await Promise.race([ready, closed]);
  const url = /Ready after [^\n]*(http:\S+)/.exec(output)?.[1];
  if (url === undefined) throw new Error(`The demo did not start:\n${output}`);
  return {
    ...{ url, child, output: () => output },
    stop() {
      child.kill("SIGTERM");
      return closed;
    },
  };
}

/** The process ids of the instances; of a Linux machine. */
export function instancesOf({ child }: Fleet): number[] {
  const { pid } = child;
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
    .trim()
    .split(" ")
    .map(Number)
    .filter((each) => readFileSync(`/proc/${each}/cmdline`, "utf8").includes("main.ts"));
}

export interface Reply {
  readonly status: number;
  readonly instance: string | undefined;
  readonly invalidation: string | undefined;
  /** Of the cache: `hit`, `miss`, … */
  readonly cached: string | undefined;
  /** Time in the instance, and of that for the read alone, where it is told: ms. */
  readonly inside: number;
  readonly read: number;
  readonly cookie: string | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: JSON of any shape.
  readonly body: any;
}

const duration = (name: string, header = "") => Number(new RegExp(`${name};dur=([\\d.]+)`).exec(header)?.[1]);

export function ask(
  url: string,
  options: { agent?: Agent; method?: string; body?: unknown; cookie?: string; timeoutMs?: number } = {},
): Promise<Reply> {
  const { agent, method = "GET", body, cookie, timeoutMs = 10_000 } = options;
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers = {
    ...(cookie === undefined ? {} : { cookie }),
    ...(text === undefined
      ? {}
      : { "content-type": "application/json", "content-length": Buffer.byteLength(text) }),
  };
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      { method, headers, ...(agent ? { agent } : { agent: false }) },
      (incoming) => {
        let answer = "";
        incoming.setEncoding("utf8").on("data", (part: string) => (answer += part));
        incoming.on("error", reject);
        incoming.on("end", () => {
          const one = (name: string) => incoming.headers[name] as string | undefined;
          resolve({
            ...{ status: incoming.statusCode ?? 0, instance: one("x-instance") },
            invalidation: one("x-cache-invalidation"),
            cached: one("x-cache"),
            inside: duration("app", one("server-timing")),
            read: duration("read", one("server-timing")),
            cookie: incoming.headers["set-cookie"]?.[0]?.split(";")[0],
            body: answer === "" ? undefined : JSON.parse(answer),
          });
        });
      },
    );
    outgoing.setTimeout(timeoutMs, () => outgoing.destroy(new Error(`no answer in ${timeoutMs} ms`)));
    outgoing.on("error", reject);
    outgoing.end(text);
  });
}

export interface DriveOptions {
  readonly seconds: number;
  readonly clients: number;
  /** Requests a second of all clients together; 0: as many as are answered. */
  readonly rate: number;
  /** Aggregates are asked for past the cache; everything else is the same. @default false */
  readonly bypass?: boolean | undefined;
  readonly random?: (() => number) | undefined;
}

/** One request of an aggregate. */
export interface AggregateSample {
  /** When it began, in ms since the drive did. */
  readonly atMs: number;
  /** Of the whole request, and of that in the instance. */
  readonly tookMs: number;
  readonly insideMs: number;
  /** Of that, for the aggregate alone: without session and limits. */
  readonly readMs: number;
  readonly cached: string | undefined;
}

export interface Figures {
  readonly reads: number;
  readonly writes: number;
  /** Committed while the cache could not be told: not acknowledged by it, so no floor. */
  readonly pending: number;
  readonly stale: readonly string[];
  readonly failed: readonly { readonly what: string; readonly atMs: number }[];
  readonly byInstance: Readonly<Record<string, number>>;
  /** Over HTTP, of whole requests. */
  readonly aggregates: ReturnType<typeof percentiles>;
  readonly samples: readonly AggregateSample[];
  /** Of a route that does nothing: what the generator, the network and the wait for a processor cost. */
  readonly empty: ReturnType<typeof percentiles>;
  readonly all: ReturnType<typeof percentiles>;
}

/** Signs in, has every instance meet the session, and then reads and writes for so long. */
export async function driveFleet(
  fleet: Fleet,
  { seconds, clients, rate, bypass = false, random = Math.random }: DriveOptions,
): Promise<Figures> {
  const { url } = fleet;
  const { cookie } = await ask(`${url}/api/session`, {
    method: "POST",
    body: { user: USER, password: PASSWORD },
  });
  if (cookie === undefined) throw new Error("Nobody could sign in");
  for (let at = 0; at < 9; at++) await ask(`${url}/api/session`, { cookie });
  const [companies, deals] = (await Promise.all(
    ["companies", "deals"].map(
      async (entity) => (await ask(`${url}/api/${entity}?limit=80`)).body.data.items,
    ),
  )) as [{ id: string }[], { id: string; companyId: string | null }[]];
  const pickCompany = zipf(companies.length, 1, random);
  const pickDeal = zipf(deals.length, 0.99, random);

  const floors = new Map<string, number>();
  const figures = { reads: 0, writes: 0, pending: 0 };
  const stale: string[] = [];
  const failed: { what: string; atMs: number }[] = [];
  const byInstance: Record<string, number> = {};
  const all: number[] = [];
  const samples: AggregateSample[] = [];
  const empty: number[] = [];
  const startedAt = performance.now();

  async function timed(
    path: string,
    agent: Agent,
    options: Parameters<typeof ask>[1] = {},
  ): Promise<Reply | undefined> {
    const began = performance.now();
    try {
      const reply = await ask(url + path, { agent, cookie: cookie as string, ...options });
      const took = performance.now() - began;
      if (path === EMPTY) empty.push(took);
      else all.push(took);
      if (path.startsWith("/api/analytics"))
        samples.push({
          ...{
            atMs: began - startedAt,
            tookMs: took,
            insideMs: reply.inside,
            readMs: reply.read,
            cached: reply.cached,
          },
        });
      const instance = reply.instance ?? "?";
      byInstance[instance] = (byInstance[instance] ?? 0) + 1;
      if (reply.status < 400) return reply;
      failed.push({
        what: `${options.method ?? "GET"} ${path}: ${reply.status} ${reply.body?.code}`,
        atMs: began - startedAt,
      });
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      failed.push({
        what: `${options.method ?? "GET"} ${path}: ${code ?? message}`,
        atMs: performance.now() - startedAt,
      });
    }
    return undefined;
  }

  async function readRow(path: string, agent: Agent): Promise<void> {
    const floor = floors.get(path) ?? 0;
    const reply = await timed(path, agent);
    if (reply !== undefined && reply.body.data.version < floor)
      stale.push(
        `${path}: ${reply.body.data.version}, acknowledged was ${floor} (instance ${reply.instance})`,
      );
  }

  async function writeRow(path: string, body: object, agent: Agent): Promise<void> {
    const reply = await timed(path, agent, { method: "PATCH", body });
    figures.writes++;
    if (reply === undefined) return;
    if (reply.invalidation !== "applied") figures.pending++;
    else floors.set(path, Math.max(floors.get(path) ?? 0, reply.body.data.version));
  }

  async function client(_: unknown, index: number): Promise<void> {
    let agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let turn = 1; performance.now() - startedAt < seconds * 1000; turn++) {
      const company = `/api/companies/${companies[pickCompany()]?.id}`;
      const deal = deals[pickDeal()] as (typeof deals)[number];
      const dice = random();
      if (dice < WRITE_SHARE / 2)
        await writeRow(company, { employees: Math.floor(random() * 10_000) }, agent);
      else if (dice < WRITE_SHARE)
        // It moves the figures: days to close are counted from it.
        await writeRow(`/api/deals/${deal.id}`, { engageDate: `2016-10-${10 + (turn % 20)}` }, agent);
      else {
        figures.reads++;
        const kind = random();
        if (kind < 0.4) await readRow(company, agent);
        else if (kind < 0.65) await readRow(`/api/deals/${deal.id}`, agent);
        else if (kind < 0.85)
          await timed(`/api/analytics/${AGGREGATES[turn % 3]}${bypass ? "?cache=bypass" : ""}`, agent);
        else await timed(`/api/companies?page=${1 + (turn % 4)}`, agent);
      }
      if (turn % REQUESTS_A_CONNECTION === 0) {
        await timed(EMPTY, agent);
        agent.destroy();
        agent = new Agent({ keepAlive: true, maxSockets: 1 });
      }
      // One after the other, not all at once.
      const dueAt = rate === 0 ? 0 : startedAt + ((turn * clients + index) * 1000) / rate;
      await sleep(Math.max(1, dueAt - performance.now()));
    }
    agent.destroy();
  }

  await Promise.all(Array.from({ length: clients }, client));
  return {
    ...figures,
    stale,
    failed,
    byInstance,
    ...{ aggregates: percentiles(samples.map(({ tookMs }) => tookMs)), samples, empty: percentiles(empty) },
    all: percentiles(all),
  };
}

import { db } from "../db/connect.ts";
import { companies, deals, users } from "../db/schema.ts";
import { companiesService } from "../services/companies-service.ts";
import { dealsService } from "../services/deals-service.ts";
import type { LatencyWindow } from "./latency-window.ts";
import { type MeasuredRead, measuredReads } from "./measured-reads.ts";
import { zipf } from "./zipf.ts";

const WRITE_SHARE = 0.05;
const OPERATIONS_A_SECOND = 100;

export interface LoadOptions {
  readonly withCache: LatencyWindow;
  readonly withoutCache: LatencyWindow;
  /** Ends by itself after this long. @default 120 */
  readonly maxSeconds?: number | undefined;
  /** @default Math.random */
  readonly random?: (() => number) | undefined;
  readonly onError?: ((error: unknown) => void) | undefined;
}

export interface LoadState {
  readonly running: boolean;
  readonly secondsLeft: number;
  readonly reads: number;
  readonly writes: number;
  /** Reads through the cache that returned less than what had been committed and acknowledged before they began. */
  readonly staleReads: number;
  readonly errors: number;
}

export interface Load {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Runs something with the load standing still. */
  pauseFor<T>(work: () => Promise<T>): Promise<T>;
  state(): LoadState;
}

/**
 * A bounded read mix in this process: at most 100 operations a second, one at a time, for two minutes. Each read is
 * done twice, through the cache and without it, in alternating order. Writes bump the version of a row and change nothing else, so the
 * figures of the CRM stay true, and every later read of the row is checked against that version.
 */
export function createLoad(options: LoadOptions): Load {
  const { withCache, withoutCache, maxSeconds = 120, random = Math.random, onError } = options;
  const counts = { reads: 0, writes: 0, staleReads: 0, errors: 0 };
  const committed = new Map<string, number>();
  let endsAt = 0;
  let running: Promise<void> | undefined;
  let stopping = false;
  let last: Promise<unknown> = Promise.resolve();

  /** One thing at a time: nothing that is measured waits behind something else that is measured. */
  function alone<T>(work: () => Promise<T>): Promise<T> {
    const result = last.then(work);
    last = result.catch(() => {});
    return result;
  }

  async function run(): Promise<void> {
    const pick = await createMix(random);
    for (let operation = 0; !stopping && performance.now() < endsAt; operation++) {
      const dueAt = performance.now() + 1000 / OPERATIONS_A_SECOND;
      try {
        await alone(() =>
          random() < WRITE_SHARE ? write(pick.entity()) : read(pick.read(), operation % 2 === 0),
        );
      } catch (error) {
        counts.errors++;
        onError?.(error);
      }
      await new Promise((resolve) => setTimeout(resolve, Math.max(1, dueAt - performance.now())));
    }
  }

  async function read(measured: MeasuredRead, cacheFirst: boolean): Promise<void> {
    if (!cacheFirst) withoutCache.record(await time(measured.withoutCache));
    withCache.record(await time(() => checkedRead(measured)));
    if (cacheFirst) withoutCache.record(await time(measured.withoutCache));
    counts.reads++;
  }

  async function checkedRead(measured: MeasuredRead): Promise<void> {
    const atLeast = committed.get(measured.key) ?? 0;
    const response = await measured.withCache();
    if (response.success && (response.data as { version?: number }).version! < atLeast) counts.staleReads++;
  }

  async function write(entity: { kind: "companies" | "deals"; id: string }): Promise<void> {
    const { kind, id } = entity;
    const response = await (kind === "companies"
      ? companiesService.updateCompany(id, {})
      : dealsService.updateDeal(id, {}));
    counts.writes++;
    if (!response.success) return;
    // Noted even when the cache could not be told yet: this process must not serve the old row meanwhile either.
    committed.set(`${kind}:${id}`, response.data.version);
    await checkedRead(kind === "companies" ? measuredReads.company(id) : measuredReads.deal(id));
  }

  return {
    async start() {
      endsAt = performance.now() + maxSeconds * 1000;
      if (running && !stopping) return;
      await running;
      stopping = false;
      running = run()
        .catch((error: unknown) => onError?.(error))
        .finally(() => {
          running = undefined;
        });
    },
    async stop() {
      stopping = true;
      await running;
    },
    pauseFor: alone,
    state: () => ({
      running: running !== undefined && !stopping,
      secondsLeft: running ? Math.max(0, Math.ceil((endsAt - performance.now()) / 1000)) : 0,
      ...counts,
    }),
  };
}

/** Which question comes next. The ids are ranked in the order of the import; rank 1 is asked for most. */
async function createMix(random: () => number) {
  const ids = async (table: typeof companies | typeof deals | typeof users) =>
    (await db().select({ id: table.id }).from(table)).map((row) => row.id);
  const companyIds = await ids(companies);
  const dealIds = await ids(deals);
  const userIds = await ids(users);
  const company = drawFrom(companyIds, 1);
  const deal = drawFrom(dealIds, 0.99);
  const user = drawFrom(userIds, 1);
  const page = zipf(5, 1, random);

  function drawFrom(list: readonly string[], exponent: number): () => string {
    const draw = zipf(list.length, exponent, random);
    return () => list[draw()]!;
  }

  return {
    entity: () =>
      random() < 0.5 ? { kind: "companies" as const, id: company() } : { kind: "deals" as const, id: deal() },
    read(): MeasuredRead {
      const dice = random();
      if (dice < 0.28) return measuredReads.company(company());
      if (dice < 0.45) return measuredReads.companyDeals(company());
      if (dice < 0.7) return measuredReads.deal(deal());
      if (dice < 0.8) return measuredReads.companyList(page() + 1);
      if (dice < 0.88) return measuredReads.dealList(page() + 1);
      if (dice < 0.94) return measuredReads.user(user());
      if (dice < 0.96) return measuredReads.pipeline();
      if (dice < 0.98) return measuredReads.revenueBySector();
      return measuredReads.leaderboard();
    },
  };
}

async function time(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

import { checkOptionNames, InvalidOptionError, type OptionNames } from "@crm/cache-core";
import type { CacheWarmer } from "./cache-warmer.ts";
import type { RunKind, WarmingProgress } from "./events.ts";
import type { WarmingMetrics } from "./metrics.ts";
import { checkObject } from "./options.ts";

/** What a bar or lines are written to: `process.stderr`, or anything like it. */
export interface ProgressStream {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

/** Options of `showProgress`. */
export interface ShowProgressOptions {
  /** @default process.stderr */
  stream?: ProgressStream | undefined;
  /** Runs of which kinds are shown. @default all but background runs */
  kinds?: readonly RunKind[] | undefined;
}

const OPTIONS: OptionNames<ShowProgressOptions> = { stream: true, kinds: true };
const SHOWN: readonly RunKind[] = ["all", "category", "expiring", "startup"];
const KINDS: readonly RunKind[] = [...SHOWN, "background"];
const BAR_EVERY_MS = 80;
const LINE_EVERY_MS = 5_000;
/** Where a terminal does not know its width. */
const USUAL_COLUMNS = 80;

/**
 * Shows how runs of a warmer get on: a bar on a terminal, and plain lines where there is none: at the beginning, every tenth of the
 * way but at most every 5 s, and at the end. Returns the function that ends it.
 *
 * @throws InvalidOptionError
 */
export function showProgress(warmer: Pick<CacheWarmer, "on">, options: ShowProgressOptions = {}): () => void {
  const { stream, kinds } = resolveOptions(warmer, options);
  const terminal = stream.isTTY === true;
  let shownAt = Number.NEGATIVE_INFINITY;
  let shownTenth = 0;
  let drawn = false;
  const now = (): number => performance.now();

  function draw(progress: Pick<WarmingProgress, "total" | "done" | "failed">): void {
    const { done, total, failed } = progress;
    const head = "warming ";
    const tail = `${done}/${total}${failed > 0 ? `, ${failed} failed` : ""}`;
    // A pseudo-terminal may say 0. The last column stays empty: some terminals go to the next line when it is written to.
    const width = columnsOf(stream) - 1;
    const room = Math.min(40, width - head.length - tail.length - "[] ".length);
    const full = total === 0 ? room : Math.round((room * done) / total);
    const bar = room < 10 ? "" : `[${"█".repeat(full)}${"░".repeat(room - full)}] `;
    // What took two lines would be left behind by the next frame.
    stream.write(`\r\u001b[2K${`${head}${bar}${tail}`.slice(0, width)}`);
    drawn = true;
  }

  function summary(kind: RunKind, metrics: WarmingMetrics): string {
    const { totalTasks, successfulTasks, skippedTasks, failedTasks, totalTime, keysWarmed, aborted } =
      metrics;
    return (
      `warming (${kind}) ${aborted ? "aborted" : "done"}: ${totalTasks} tasks in ${totalTime} ms, ` +
      `${successfulTasks} loaded, ${skippedTasks} skipped, ${failedTasks} failed, ${keysWarmed} keys\n`
    );
  }

  const stops = [
    warmer.on("run:start", ({ kind, total }) => {
      if (!kinds.includes(kind)) return;
      shownAt = now();
      shownTenth = 0;
      if (terminal) draw({ total, done: 0, failed: 0 });
      else stream.write(`warming (${kind}): ${total} tasks\n`);
    }),
    warmer.on("run:progress", (progress) => {
      if (!kinds.includes(progress.kind)) return;
      const { total, done, failed } = progress;
      if (terminal) {
        if (now() - shownAt < BAR_EVERY_MS && done < total) return;
        shownAt = now();
        draw(progress);
        return;
      }
      const tenth = Math.floor((10 * done) / Math.max(1, total));
      if (done === total || tenth === shownTenth || now() - shownAt < LINE_EVERY_MS) return;
      [shownAt, shownTenth] = [now(), tenth];
      stream.write(`warming (${progress.kind}): ${done}/${total}${failed > 0 ? `, ${failed} failed` : ""}\n`);
    }),
    warmer.on("run:end", ({ kind, metrics }) => {
      if (!kinds.includes(kind)) return;
      stream.write(`${drawn ? "\r\u001b[2K" : ""}${summary(kind, metrics)}`);
      drawn = false;
    }),
  ];
  return () => {
    for (const stop of stops) stop();
    if (drawn) stream.write("\n");
    drawn = false;
  };
}

function resolveOptions(
  warmer: unknown,
  options: ShowProgressOptions,
): { readonly stream: ProgressStream; readonly kinds: readonly RunKind[] } {
  if (typeof (warmer as CacheWarmer | null | undefined)?.on !== "function") {
    const expected = "a warmer made by `createCacheWarmer`";
    throw new InvalidOptionError({ option: "warmer", received: warmer, expected });
  }
  checkObject("options", options);
  checkOptionNames(options, OPTIONS);
  const { stream = process.stderr, kinds = SHOWN } = options;
  if (typeof (stream as ProgressStream | null)?.write !== "function") {
    const expected = "a stream with `write`, such as `process.stderr`";
    throw new InvalidOptionError({ option: "stream", received: stream, expected });
  }
  if (!Array.isArray(kinds) || !kinds.every((kind) => KINDS.includes(kind))) {
    const expected = `an array of kinds among ${KINDS.join(", ")}`;
    throw new InvalidOptionError({ option: "kinds", received: kinds, expected });
  }
  return { stream, kinds: [...kinds] };
}

function columnsOf({ columns = USUAL_COLUMNS }: ProgressStream): number {
  return columns > 0 ? columns : USUAL_COLUMNS;
}

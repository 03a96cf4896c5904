import type { OpenCache } from "./contender.ts";
import type { Server } from "./server.ts";

/** One question, asked of several contenders under the same conditions. */
export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** What is done to each contender, in a few sentences. */
  readonly about: string;
  readonly columns: readonly Column[];
  /** How many processes of the contender run at once. @default 1 */
  readonly processes?: number;
  /** Rounds beyond this add little, because the figures are counts or medians already; `--quick` makes one. */
  readonly maxRounds?: number;
  readonly memory: boolean;
  cases(settings: Settings): readonly Case[];
  /** Fills, warms up, and returns the part that is measured once every process stands here. */
  prepare(run: Run): Promise<() => Promise<Measurement>>;
  /** Makes one measurement of those of all processes and of what the server saw. @default the only part */
  merge?(parts: readonly Measurement[], seen: ServerDelta): Measurement;
  /** What this repository promises about the figures. */
  criteria(summaries: readonly CaseSummary[]): readonly Criterion[];
}

export interface Case {
  readonly name: string;
  readonly tags: boolean;
  readonly entries?: number;
  /** Label of the row that ratios refer to. */
  readonly limit: string;
  readonly rows: readonly Row[];
}

export interface Row {
  readonly label: string;
  /** Name in `contenders/index.ts`. */
  readonly contender: string;
  readonly call?: "get" | "getOrSet";
}

export interface Settings {
  readonly quick: boolean;
  /** Include the sizes that take minutes. */
  readonly full: boolean;
  readonly warmMs: number;
  readonly measureMs: number;
}

/** What a child process hands to `prepare`. */
export interface Run {
  readonly cache: OpenCache;
  readonly row: Row;
  readonly case: Case;
  readonly server: Server;
  readonly settings: Settings;
}

export type Measurement = Readonly<Record<string, number>>;

export interface ServerDelta {
  /** Commands that the server executed between start and end of the measured part. */
  readonly commands: number;
  /** Growth of `used_memory` without the texts of scripts, with the contender's connections closed. */
  readonly bytes: number;
}

export interface Column {
  readonly key: string;
  readonly title: string;
  /** Show the ratio to the limit beside it. */
  readonly ratio?: boolean;
}

export interface CaseSummary {
  readonly name: string;
  readonly limit: string;
  readonly rows: readonly RowSummary[];
}

export interface RowSummary {
  readonly label: string;
  readonly note: string;
  /** By column: the figures of the rounds, in order. */
  readonly figures: Readonly<Record<string, readonly number[]>>;
}

export interface Criterion {
  readonly promise: string;
  readonly measured: string;
  readonly kept: boolean;
}

/** The label of this repository's rows. */
export const OURS = "crm-cache";

import { parseArgs } from "node:util";
import { z } from "zod";

export interface DemoSettings {
  readonly host: string;
  /** `undefined`: 3000, or any free port when that is taken. */
  readonly port: number | undefined;
  readonly databaseUrl: string | undefined;
  /** A `tar` of a database folder that a new embedded database begins with. */
  readonly databaseTemplate: string | undefined;
  /** What the database is, for people, where the URL does not say so. */
  readonly databaseLabel: string | undefined;
  /** Keep the embedded database on disk. */
  readonly persist: boolean;
  readonly logLevel: string;
  /** See `CacheSettings.invalidation`. */
  readonly invalidation: "rules" | "dependencies";
  /** Of the accounts that the demo makes; `undefined`: made up at every start and shown on the terminal. */
  readonly demoPassword: string | undefined;
  /** `development`: a problem of the server's own carries its stack. `production`: cookies are for HTTPS only. */
  readonly mode: "development" | "production" | "demo";
  /** Processes behind the port; 1: this one alone. */
  readonly instances: number;
  /** Which of them this is, from 1; `undefined` for one alone, and for the process that holds them. */
  readonly instance: number | undefined;
  /** Seconds of load from the start; 0: none until somebody switches it on. */
  readonly loadSeconds: number;
  /** Requests a minute of one address; a user has half of it. `undefined`: see `createLimits`. */
  readonly requestsPerMinute: number | undefined;
}

const USAGE = `The demo CRM

  npx pnpm@12 demo [options]

  --instances <1 to 8>     so many processes behind one port, over one Redis: that of REDIS_URL, or one that is started
  --load                   reads and writes as a sales team would, from the start
  --seconds <5 to 3600>    how long --load lasts: 120 unless it is said
  --persist                keeps the embedded database in apps/demo-crm/.data
  --help                   this

PORT, HOST, DATABASE_URL, REDIS_URL, DEMO_PASSWORD and others of the environment: see apps/demo-crm/README.md`;

/** What is wrong with the settings, for the person who made them. Never contains the value of a URL. */
export class SettingsError extends Error {}

/** Nothing is wrong: somebody asked what there is. */
export class HelpRequest extends Error {}

const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;

const environment = z.object({
  HOST: z
    .string()
    .regex(/^[A-Za-z0-9.:_-]{1,255}$/, "expected a host name or an address")
    .default("127.0.0.1"),
  PORT: z
    .string()
    .regex(/^\d{1,5}$/, "expected a port number from 0 to 65535")
    .transform(Number)
    .refine((port) => port <= 65_535, "expected a port number from 0 to 65535")
    .optional(),
  DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\/./, "expected postgres://…")
    .optional(),
  CACHE_INVALIDATION: z
    .enum(["rules", "dependencies"], "expected rules or dependencies")
    .default("dependencies"),
  DEMO_PASSWORD: z.string().min(8, "expected at least 8 characters").max(200).optional(),
  NODE_ENV: z.string().optional(),
  /** Set by the process that holds the instances. */
  DATABASE_TEMPLATE: z.string().optional(),
  DEMO_DATABASE: z.string().optional(),
  DEMO_INSTANCE: z.coerce.number().int().min(1).optional(),
  REQUESTS_PER_MINUTE: z
    .string()
    .regex(/^[1-9]\d{0,8}$/, "expected a whole number above 0")
    .transform(Number)
    .optional(),
  LOG_LEVEL: z.enum(LOG_LEVELS, `expected one of ${LOG_LEVELS.join(", ")}`).default("info"),
});

/** Reads the environment and the arguments. An empty variable counts as one that is not set. */
export function readSettings(
  env: Readonly<Record<string, string | undefined>>,
  args: readonly string[],
): DemoSettings {
  const { persist, instances, loadSeconds } = readArguments(args);
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ""));
  const result = environment.safeParse(given);
  if (!result.success) {
    const wrong = result.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
    throw new SettingsError(`The environment is not usable\n  ${wrong.join("\n  ")}`);
  }
  const { HOST, PORT, DATABASE_URL, LOG_LEVEL, CACHE_INVALIDATION, DEMO_PASSWORD, NODE_ENV } = result.data;
  if (persist && DATABASE_URL)
    throw new SettingsError("--persist is for the embedded database; DATABASE_URL names another");
  return {
    host: HOST,
    port: PORT,
    databaseUrl: DATABASE_URL,
    databaseTemplate: result.data.DATABASE_TEMPLATE,
    databaseLabel: result.data.DEMO_DATABASE,
    persist,
    logLevel: LOG_LEVEL,
    invalidation: CACHE_INVALIDATION,
    demoPassword: DEMO_PASSWORD,
    mode: NODE_ENV === "development" || NODE_ENV === "production" ? NODE_ENV : "demo",
    ...{
      instances,
      loadSeconds,
      instance: result.data.DEMO_INSTANCE,
      requestsPerMinute: result.data.REQUESTS_PER_MINUTE,
    },
  };
}

const DEFAULT_LOAD_SECONDS = 120;

function readArguments(args: readonly string[]) {
  let given: { persist?: boolean; instances?: string; load?: boolean; seconds?: string; help?: boolean };
  try {
    given = parseArgs({
      args: [...args],
      options: {
        persist: { type: "boolean" },
        instances: { type: "string" },
        load: { type: "boolean" },
        seconds: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (error) {
    const known = "--persist, --instances <1 to 8>, --load, --seconds <5 to 3600>, --help";
    throw new SettingsError(`${(error as Error).message.split(/\.?(?:\s*\n|\. )/)[0]}. There are: ${known}`);
  }
  if (given.help) throw new HelpRequest(USAGE);
  if (given.seconds !== undefined && !given.load)
    throw new SettingsError("--seconds says how long --load lasts, which is not there");
  return {
    persist: given.persist ?? false,
    instances: wholeNumber("--instances", given.instances ?? "1", 1, 8),
    loadSeconds: given.load
      ? wholeNumber("--seconds", given.seconds ?? `${DEFAULT_LOAD_SECONDS}`, 5, 3600)
      : 0,
  };
}

function wholeNumber(name: string, text: string, min: number, max: number): number {
  const value = /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new SettingsError(
    `${name}: expected a whole number from ${min} to ${max}, not "${text.slice(0, 20)}"`,
  );
}

import { z } from "zod";

export interface DemoSettings {
  readonly host: string;
  /** `undefined`: 3000, or any free port when that is taken. */
  readonly port: number | undefined;
  readonly databaseUrl: string | undefined;
  /** Keep the embedded database on disk. */
  readonly persist: boolean;
  readonly logLevel: string;
  /** See `CacheSettings.invalidation`. */
  readonly invalidation: "rules" | "dependencies";
  /** Of the accounts that the demo makes; `undefined`: made up at every start and shown on the terminal. */
  readonly demoPassword: string | undefined;
  /** `development`: a problem of the server's own carries its stack. `production`: cookies are for HTTPS only. */
  readonly mode: "development" | "production" | "demo";
}

/** What is wrong with the settings, for the person who made them. Never contains the value of a URL. */
export class SettingsError extends Error {}

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
  LOG_LEVEL: z.enum(LOG_LEVELS, `expected one of ${LOG_LEVELS.join(", ")}`).default("info"),
});

/** Reads the environment and the arguments. An empty variable counts as one that is not set. */
export function readSettings(
  env: Readonly<Record<string, string | undefined>>,
  args: readonly string[],
): DemoSettings {
  const unknown = args.filter((arg) => arg !== "--persist");
  if (unknown.length > 0)
    throw new SettingsError(`Unknown argument ${unknown[0]}. The only one is --persist`);
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ""));
  const result = environment.safeParse(given);
  if (!result.success) {
    const wrong = result.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
    throw new SettingsError(`The environment is not usable\n  ${wrong.join("\n  ")}`);
  }
  const { HOST, PORT, DATABASE_URL, LOG_LEVEL, CACHE_INVALIDATION, DEMO_PASSWORD, NODE_ENV } = result.data;
  const persist = args.includes("--persist");
  if (persist && DATABASE_URL)
    throw new SettingsError("--persist is for the embedded database; DATABASE_URL names another");
  return {
    host: HOST,
    port: PORT,
    databaseUrl: DATABASE_URL,
    persist,
    logLevel: LOG_LEVEL,
    invalidation: CACHE_INVALIDATION,
    demoPassword: DEMO_PASSWORD,
    mode: NODE_ENV === "development" || NODE_ENV === "production" ? NODE_ENV : "demo",
  };
}

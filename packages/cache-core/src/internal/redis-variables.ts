import { isIP } from "node:net";
import * as z from "zod";
import { InvalidConfigurationError } from "../errors.ts";
import { describeValue } from "../redact.ts";

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** What a `REDIS_URL` says; `undefined` where it says nothing. */
export interface UrlParts {
  readonly host: string;
  readonly port: number | undefined;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly db: number | undefined;
  readonly tls: boolean;
}

/** The variables, each valid in itself; `undefined` when unset. */
export interface RedisVariables {
  readonly REDIS_URL?: UrlParts | undefined;
  readonly REDIS_HOST?: string | undefined;
  readonly REDIS_PORT?: number | undefined;
  readonly REDIS_USERNAME?: string | undefined;
  readonly REDIS_PASSWORD?: string | undefined;
  readonly REDIS_DB?: number | undefined;
  readonly REDIS_TLS?: boolean | undefined;
  readonly REDIS_CLUSTER_NODES?: readonly Address[] | undefined;
  readonly REDIS_SENTINELS?: readonly Address[] | undefined;
  readonly REDIS_SENTINEL_NAME?: string | undefined;
  readonly REDIS_SENTINEL_PASSWORD?: string | undefined;
}

/**
 * Validates each variable by itself. Empty texts count as unset.
 *
 * @throws InvalidConfigurationError naming the first that is wrong
 */
export function parseRedisVariables(env: Readonly<Record<string, string | undefined>>): RedisVariables {
  const schema = createSchema();
  const input: Record<string, string> = {};
  for (const name of Object.keys(schema.shape)) {
    // Mounted files like to end in a line break; only in a password may white space be meant.
    const value = name.endsWith("PASSWORD") ? env[name] : env[name]?.trim();
    if (value !== undefined && value !== "") input[name] = value;
  }
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  // Without a cause: errors of parsers carry their input, and so the password.
  throw new InvalidConfigurationError({
    variables: [String(issue.path[0])],
    problem: issue.message,
    advice: "Correct it, or unset it.",
  });
}

/** Inside a function, because nothing may run at import; a process asks once or twice. */
function createSchema() {
  const text = z.string().optional();
  const addresses = "host:port, or several of them with commas between";
  return z.object({
    // The URL and the lists are never shown: where they are wrong, the password may be anywhere in them.
    REDIS_URL: hidden(
      parseUrl,
      "redis://[user:password@]host[:port][/db], or rediss:// for TLS; special characters in a password are percent-encoded",
    ),
    REDIS_HOST: shown(parseHost, "a host name or an IP address without a port"),
    REDIS_PORT: shown((value) => parseInteger(value, 1, 65_535), "an integer from 1 to 65535"),
    REDIS_USERNAME: text,
    REDIS_PASSWORD: text,
    REDIS_DB: shown((value) => parseInteger(value, 0, 2_147_483_647), "an integer from 0"),
    REDIS_TLS: shown(parseBoolean, '"true" or "false"'),
    REDIS_CLUSTER_NODES: hidden((value) => parseAddresses(value, 6379), addresses),
    REDIS_SENTINELS: hidden((value) => parseAddresses(value, 26_379), addresses),
    REDIS_SENTINEL_NAME: text,
    REDIS_SENTINEL_PASSWORD: text,
  });
}

type Parse<T> = (text: string) => T | undefined;

function shown<T>(parse: Parse<T>, expected: string) {
  return variable(parse, (value) => `expected ${expected}, got ${describeValue(value)}`);
}

function hidden<T>(parse: Parse<T>, expected: string) {
  return variable(parse, (value) => `expected ${expected}, got something else of ${value.length} characters`);
}

function variable<T>(parse: Parse<T>, describe: (text: string) => string) {
  return z
    .string()
    .transform((value, context): T => {
      const parsed = parse(value);
      if (parsed !== undefined) return parsed;
      context.addIssue({ code: "custom", message: describe(value) });
      return z.NEVER;
    })
    .optional();
}

function parseInteger(text: string, min: number, max: number): number | undefined {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  return value >= min && value <= max ? value : undefined;
}

function parseBoolean(text: string): boolean | undefined {
  if (/^(true|1|yes|on)$/i.test(text)) return true;
  return /^(false|0|no|off)$/i.test(text) ? false : undefined;
}

function parseHost(text: string): string | undefined {
  const address = /^\[(.*)\]$/.exec(text)?.[1] ?? text;
  if (isIP(address) !== 0) return address;
  // Underscores are not in DNS but in the names of containers.
  return /^[A-Za-z0-9_][A-Za-z0-9._-]{0,252}$/.test(text) ? text : undefined;
}

function parseAddresses(text: string, defaultPort: number): Address[] | undefined {
  const addresses: Address[] = [];
  for (const part of text.split(",")) {
    const match = /^(\[[^\]]*\]|[^:]+)(?::(\d{1,5}))?$/.exec(part.trim());
    const host = match === null ? undefined : parseHost(match[1]!);
    const port = match?.[2] === undefined ? defaultPort : parseInteger(match[2], 1, 65_535);
    if (host === undefined || port === undefined) return undefined;
    addresses.push({ host, port });
  }
  return addresses;
}

function parseUrl(text: string): UrlParts | undefined {
  if (!/^rediss?:\/\//i.test(text) || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  const host = parseHost(url.hostname);
  const port = url.port === "" ? undefined : parseInteger(url.port, 1, 65_535);
  const db = /^\/?$/.test(url.pathname) ? undefined : parseInteger(url.pathname.slice(1), 0, 2_147_483_647);
  if (host === undefined || (url.port !== "" && port === undefined)) return undefined;
  if (db === undefined && url.pathname.length > 1) return undefined;
  // Nothing of a query or a fragment would be used, and a stray `#` or `?` belongs to a password.
  if (url.search !== "" || url.hash !== "" || text.includes("?") || text.includes("#")) return undefined;
  const username = decode(url.username);
  const password = decode(url.password);
  if (username === undefined || password === undefined) return undefined;
  const tls = url.protocol === "rediss:";
  return { host, port, username: username || undefined, password: password || undefined, db, tls };
}

function decode(component: string): string | undefined {
  try {
    return decodeURIComponent(component);
  } catch {
    return undefined;
  }
}

import { describeValue, redactCause, truncateKey } from "./redact.ts";

/** What the base class takes. Packages that build on the core make their own subclasses with it. */
export interface CacheErrorParameters {
  /** Stable, upper case with underscores. The API: messages may change, codes do not. */
  readonly code: string;
  /** What was expected, what came, and what to do. Without secrets; keys through `truncateKey`. */
  readonly message: string;
  /** Whether the same call may succeed later without any change of its input. @default false */
  readonly retryable?: boolean | undefined;
  readonly cause?: unknown;
}

/** A function and not a constant: nothing runs at import. The registry makes it one symbol for every copy. */
function brand(): symbol {
  return Symbol.for("@crm/cache-core:CacheError");
}

/**
 * The base of every error that the toolkit throws on its own account. Handle errors by `code`, or by `isInstance` of
 * the class, which also recognizes errors of a second copy of the package, where `instanceof` does not.
 *
 * Errors of fetchers and reasons of abort signals are rethrown untouched and are not of this class.
 */
export class CacheError extends Error {
  readonly code: string;
  /** Whether the same call may succeed later without any change of its input. */
  readonly retryable: boolean;
  /** Heading in the documentation that tells when this happens and what to do. */
  readonly docsUrl: string;

  constructor(parameters: CacheErrorParameters) {
    super(parameters.message, parameters.cause === undefined ? undefined : { cause: parameters.cause });
    this.code = parameters.code;
    this.retryable = parameters.retryable ?? false;
    this.docsUrl = `docs/errors.md#${parameters.code.toLowerCase()}`;
    // Planted by hand: `isolatedDeclarations` refuses a computed member in an exported class (TS9038). Not
    // enumerable, so that loggers do not print it.
    Object.defineProperty(this, brand(), { value: true });
  }

  // A getter, so that it is right already while the stack is captured, and stays right when names are minified.
  override get name(): string {
    return "CacheError";
  }

  /** Whether the value is an error of the toolkit, from this copy of the package or from another. */
  static isInstance(value: unknown): value is CacheError {
    return typeof value === "object" && value !== null && brand() in value;
  }
}

function hasCode(value: unknown, code: string): boolean {
  return CacheError.isInstance(value) && value.code === code;
}

/** What the errors about one refused text take: keys, tags, patterns, scopes and channels. */
export interface InvalidTextErrorParameters {
  /** Name of the parameter, as the caller knows it: `key`, `keys[3]`. */
  readonly parameter: string;
  /** The refused value itself. The error keeps only a short description of it. */
  readonly received: unknown;
  /** What exactly is wrong, as a clause: `it holds the control character U+000A at index 3`. */
  readonly problem?: string | undefined;
  readonly cause?: unknown;
}

/** What those errors have in common. Not exported: they are told apart, not handled together. */
class InvalidTextError extends CacheError {
  readonly parameter: string;
  /** Short description of the refused value. */
  readonly received: string;

  constructor(code: string, expected: string, advice: string, parameters: InvalidTextErrorParameters) {
    const { parameter, problem, cause } = parameters;
    const received = describeValue(parameters.received);
    super({
      code,
      message: `${parameter}: expected ${expected}, got ${received}${problem === undefined ? "" : `; ${problem}`}. ${advice}`,
      cause,
    });
    this.parameter = parameter;
    this.received = received;
  }
}

/** A key that is not a non-empty string of at most 1,024 bytes without control characters. */
export class InvalidKeyError extends InvalidTextError {
  declare readonly code: "INVALID_KEY";

  constructor(parameters: InvalidTextErrorParameters) {
    super(
      "INVALID_KEY",
      "a non-empty string of at most 1024 bytes without control characters",
      "Build keys from ids and separators, and hash what is longer.",
      parameters,
    );
  }
  override get name(): "InvalidKeyError" {
    return "InvalidKeyError";
  }
  static override isInstance(value: unknown): value is InvalidKeyError {
    return hasCode(value, "INVALID_KEY");
  }
}

/** A tag that cannot be one, or more tags than an entry may have. */
export class InvalidTagError extends InvalidTextError {
  declare readonly code: "INVALID_TAG";

  constructor(parameters: InvalidTextErrorParameters) {
    super(
      "INVALID_TAG",
      "at most 64 tags, each a non-empty string of at most 1024 bytes without control characters",
      "Name what an entry was made from, for example `company:42`.",
      parameters,
    );
  }
  override get name(): "InvalidTagError" {
    return "InvalidTagError";
  }
  static override isInstance(value: unknown): value is InvalidTagError {
    return hasCode(value, "INVALID_TAG");
  }
}

/** A glob that is not a non-empty string of at most 1,024 bytes without control characters. */
export class InvalidPatternError extends InvalidTextError {
  declare readonly code: "INVALID_PATTERN";

  constructor(parameters: InvalidTextErrorParameters) {
    super(
      "INVALID_PATTERN",
      "a glob: a non-empty string of at most 1024 bytes without control characters",
      "Use Redis globs such as `companies:list:*`; to remove everything call `clear()`.",
      parameters,
    );
  }
  override get name(): "InvalidPatternError" {
    return "InvalidPatternError";
  }
  static override isInstance(value: unknown): value is InvalidPatternError {
    return hasCode(value, "INVALID_PATTERN");
  }
}

/** A name of a scope (a tenant) that is not 1 to 128 bytes of text. */
export class InvalidScopeError extends InvalidTextError {
  declare readonly code: "INVALID_SCOPE";

  constructor(parameters: InvalidTextErrorParameters) {
    super(
      "INVALID_SCOPE",
      "a string of 1 to 128 bytes without control characters",
      "Pass the id of the tenant; a missing id must not become a scope that tenants share.",
      parameters,
    );
  }
  override get name(): "InvalidScopeError" {
    return "InvalidScopeError";
  }
  static override isInstance(value: unknown): value is InvalidScopeError {
    return hasCode(value, "INVALID_SCOPE");
  }
}

/** A channel of `publish` or `subscribe` that is not a non-empty string of at most 1,024 bytes. */
export class InvalidChannelError extends InvalidTextError {
  declare readonly code: "INVALID_CHANNEL";

  constructor(parameters: InvalidTextErrorParameters) {
    super(
      "INVALID_CHANNEL",
      "a non-empty string of at most 1024 bytes without control characters",
      "Name the channel literally, for example `companies:changed`; globs are not supported.",
      parameters,
    );
  }
  override get name(): "InvalidChannelError" {
    return "InvalidChannelError";
  }
  static override isInstance(value: unknown): value is InvalidChannelError {
    return hasCode(value, "INVALID_CHANNEL");
  }
}

export interface InvalidDurationErrorParameters {
  /** Name of the parameter or option, as the caller knows it: `ttl`. */
  readonly parameter: string;
  /** The refused value itself. The error keeps only a short description of it. */
  readonly received: unknown;
  /** Whether 0 would have been accepted. @default false */
  readonly zeroAllowed?: boolean | undefined;
  readonly cause?: unknown;
}

/** A TTL, window or timeout that is no duration, not above 0, or above ten years. */
export class InvalidDurationError extends CacheError {
  declare readonly code: "INVALID_DURATION";
  readonly parameter: string;
  /** Short description of the refused value. */
  readonly received: string;

  constructor(parameters: InvalidDurationErrorParameters) {
    const received = describeValue(parameters.received);
    const bounds = parameters.zeroAllowed === true ? "from 0" : "above 0";
    super({
      code: "INVALID_DURATION",
      message:
        `${parameters.parameter}: expected a duration ${bounds} and up to 3650d, got ${received}. ` +
        'Give seconds as a number, or text such as "250ms", "30s", "5m", "1h", "7d".',
      cause: parameters.cause,
    });
    this.parameter = parameters.parameter;
    this.received = received;
  }
  override get name(): "InvalidDurationError" {
    return "InvalidDurationError";
  }
  static override isInstance(value: unknown): value is InvalidDurationError {
    return hasCode(value, "INVALID_DURATION");
  }
}

/** One option with a wrong value, or two that contradict each other. */
export type InvalidOptionErrorParameters =
  | {
      /** Name of the option with its path, as the caller knows it: `memory.maxBytes`. */
      readonly option: string;
      /** The refused value itself. The error keeps only a short description of it. */
      readonly received: unknown;
      /** What is accepted, as a noun: `an integer from 1 to 64`. */
      readonly expected: string;
      /** What to do, as a sentence. */
      readonly advice?: string | undefined;
      readonly cause?: unknown;
    }
  | {
      /** The options that contradict each other. */
      readonly options: readonly [string, string];
      /** Why they do, as a clause: `a stale entry cannot be gone before it is stale`. */
      readonly reason?: string | undefined;
      /** What to do, as a sentence. @default "Set only one of them." */
      readonly advice?: string | undefined;
      readonly cause?: unknown;
    };

/** An option that is wrong, or two that contradict each other. */
export class InvalidOptionError extends CacheError {
  declare readonly code: "INVALID_OPTION";
  /** The options at fault: one, or the two that contradict each other. */
  readonly options: readonly string[];
  /** The option at fault; `undefined` for a contradiction. */
  readonly option: string | undefined;
  /** What is accepted; `undefined` for a contradiction. */
  readonly expected: string | undefined;
  /** Short description of the refused value; `undefined` for a contradiction. */
  readonly received: string | undefined;

  constructor(parameters: InvalidOptionErrorParameters) {
    const advice = parameters.advice === undefined ? "" : ` ${parameters.advice}`;
    if ("options" in parameters) {
      const [first, second] = parameters.options;
      const reason = parameters.reason === undefined ? "" : `: ${parameters.reason}`;
      super({
        code: "INVALID_OPTION",
        message: `Options "${first}" and "${second}" contradict each other${reason}.${advice || " Set only one of them."}`,
        cause: parameters.cause,
      });
      this.options = parameters.options;
      this.option = undefined;
      this.expected = undefined;
      this.received = undefined;
      return;
    }
    const { option, expected } = parameters;
    const received = /pass|secret|token|credential|auth/i.test(option)
      ? `a ${typeof parameters.received} (hidden)`
      : describeValue(parameters.received);
    super({
      code: "INVALID_OPTION",
      message: `Option "${option}": expected ${expected}, got ${received}.${advice}`,
      cause: parameters.cause,
    });
    this.options = [option];
    this.option = option;
    this.expected = expected;
    this.received = received;
  }
  override get name(): "InvalidOptionError" {
    return "InvalidOptionError";
  }
  static override isInstance(value: unknown): value is InvalidOptionError {
    return hasCode(value, "INVALID_OPTION");
  }
}

/** What a codec may find in a value that it cannot carry exactly. A codec of your own may add kinds. */
export type UnserializableKind =
  | "circular"
  | "too-deep"
  | "too-large"
  | "undefined"
  | "function"
  | "symbol"
  | "symbol-key"
  | "instance"
  | "extra-property"
  | "sparse-array"
  | "to-json"
  | "unreadable"
  | (string & {});

export interface UnserializableValueErrorParameters {
  /** Where the culprit is, from the value itself: `$.a[3].b`. */
  readonly path: string;
  readonly kind: UnserializableKind;
  /** What it is, as in `an instance of Company`. @default a phrase for the kind */
  readonly what?: string | undefined;
  readonly cause?: unknown;
}

function describeKind(kind: UnserializableKind): { what: string; advice: string } {
  const drop = "Remove it before caching.";
  const plain = "Convert it to a plain object first.";
  switch (kind) {
    case "circular":
      return {
        what: "a reference to an object that contains it",
        advice: "Break the cycle, for example by an id.",
      };
    case "too-deep":
      return { what: "nested too deeply", advice: "Cache a flatter value." };
    case "too-large":
      return { what: "too large to be written as one text", advice: "Cache it in parts." };
    case "undefined":
      return { what: "undefined", advice: "Cache `null`, or do not cache." };
    case "function":
      return { what: "a function", advice: drop };
    case "symbol":
      return { what: "a symbol", advice: drop };
    case "symbol-key":
      return { what: "an object with a symbol as a key", advice: drop };
    case "instance":
      return { what: "an instance of a class", advice: plain };
    case "extra-property":
      return { what: "a named property on an array or a built-in object", advice: plain };
    case "sparse-array":
      return { what: "a hole in an array", advice: "Fill it, for example with `null`." };
    case "to-json":
      return { what: "an object with a toJSON of its own", advice: "Cache what `toJSON()` returns." };
    case "unreadable":
      return { what: "an object that throws while it is read", advice: plain };
    default:
      return { what: kind, advice: plain };
  }
}

/** A value that the codec could not give back exactly as it went in. */
export class UnserializableValueError extends CacheError {
  declare readonly code: "UNSERIALIZABLE_VALUE";
  /** Where the culprit is, from the value itself: `$.a[3].b`. */
  readonly path: string;
  readonly kind: UnserializableKind;

  constructor(parameters: UnserializableValueErrorParameters) {
    const { what, advice } = describeKind(parameters.kind);
    super({
      code: "UNSERIALIZABLE_VALUE",
      message: `The value cannot be cached exactly: ${parameters.path} is ${parameters.what ?? what}. ${advice}`,
      cause: parameters.cause,
    });
    this.path = parameters.path;
    this.kind = parameters.kind;
  }
  override get name(): "UnserializableValueError" {
    return "UnserializableValueError";
  }
  static override isInstance(value: unknown): value is UnserializableValueError {
    return hasCode(value, "UNSERIALIZABLE_VALUE");
  }
}

/** `undefined` was given as the value to cache. */
export class UndefinedValueError extends CacheError {
  declare readonly code: "UNDEFINED_VALUE";
  readonly key: string;

  constructor(parameters: { readonly key: string }) {
    super({
      code: "UNDEFINED_VALUE",
      message:
        `The value for key "${truncateKey(parameters.key)}": expected anything but undefined, got undefined. ` +
        "Cache `null` to remember that there is nothing, or call `del(key)` to forget.",
    });
    this.key = parameters.key;
  }
  override get name(): "UndefinedValueError" {
    return "UndefinedValueError";
  }
  static override isInstance(value: unknown): value is UndefinedValueError {
    return hasCode(value, "UNDEFINED_VALUE");
  }
}

export interface InvalidConfigurationErrorParameters {
  /** Names of the environment variables at fault. Never their values. */
  readonly variables: readonly string[];
  /** What is wrong, as a clause without secrets: `expected a port from 1 to 65535, got the string "x"`. */
  readonly problem: string;
  /** What to do, as a sentence. */
  readonly advice: string;
  readonly cause?: unknown;
}

/** An environment variable that is wrong, or several that contradict each other. */
export class InvalidConfigurationError extends CacheError {
  declare readonly code: "INVALID_CONFIGURATION";
  /** Names of the environment variables at fault. */
  readonly variables: readonly string[];

  constructor(parameters: InvalidConfigurationErrorParameters) {
    super({
      code: "INVALID_CONFIGURATION",
      message: `${parameters.variables.join(", ")}: ${parameters.problem}. ${parameters.advice}`,
      cause: parameters.cause,
    });
    this.variables = parameters.variables;
  }
  override get name(): "InvalidConfigurationError" {
    return "InvalidConfigurationError";
  }
  static override isInstance(value: unknown): value is InvalidConfigurationError {
    return hasCode(value, "INVALID_CONFIGURATION");
  }
}

/** Why the store could not be used. */
export type StoreUnavailableReason = "timeout" | "down" | "breaker" | "closed" | "readonly" | "error";

export interface StoreUnavailableErrorParameters {
  /** Name of the call or of the atomic operation: `get`, `fill`. */
  readonly operation: string;
  readonly reason: StoreUnavailableReason;
  /** The client's error. Commands that it carries are removed: they may hold a password or a value. */
  readonly cause?: unknown;
}

function describeReason(reason: StoreUnavailableReason): string {
  switch (reason) {
    case "timeout":
      return "expected an answer within the command deadline, got none";
    case "down":
      return "expected a connection, got none";
    case "breaker":
      return "expected an answer, but recent calls failed and the store is left alone for a moment";
    case "closed":
      return "expected an open store, but it was closed";
    case "readonly":
      return "expected a primary, got a replica that refuses writes";
    case "error":
      return "expected an answer, got an error";
  }
}

/** The store did not answer. Reads of the cache never reject with it: they are misses. */
export class StoreUnavailableError extends CacheError {
  declare readonly code: "STORE_UNAVAILABLE";
  readonly operation: string;
  readonly reason: StoreUnavailableReason;

  constructor(parameters: StoreUnavailableErrorParameters) {
    const advice =
      parameters.reason === "closed"
        ? "Do not use a store after `close()`."
        : "Retry later; check the server, the network and the deadline when it lasts.";
    super({
      code: "STORE_UNAVAILABLE",
      message: `The store could not run "${parameters.operation}": ${describeReason(parameters.reason)}. ${advice}`,
      retryable: true,
      cause: redactCause(parameters.cause),
    });
    this.operation = parameters.operation;
    this.reason = parameters.reason;
  }
  override get name(): "StoreUnavailableError" {
    return "StoreUnavailableError";
  }
  static override isInstance(value: unknown): value is StoreUnavailableError {
    return hasCode(value, "STORE_UNAVAILABLE");
  }
}

export interface StoreReplyErrorParameters {
  /** Name of the call or of the atomic operation: `get`, `fill`. */
  readonly operation: string;
  /** The reply that makes no sense. The error keeps only a short description of it. */
  readonly received?: unknown;
  /** The server's error. Commands that it carries are removed: they may hold a password or a value. */
  readonly cause?: unknown;
}

/** The store answered with an error of its own, or with something that the operation cannot have returned. */
export class StoreReplyError extends CacheError {
  declare readonly code: "STORE_REPLY";
  readonly operation: string;

  constructor(parameters: StoreReplyErrorParameters) {
    const got =
      parameters.cause instanceof Error
        ? `the error "${truncateKey(parameters.cause.message)}"`
        : describeValue(parameters.received);
    super({
      code: "STORE_REPLY",
      message:
        `The store's reply to "${parameters.operation}": expected one that the operation can return, got ${got}. ` +
        "Check the version and the permissions of the server, and that nobody else writes this namespace.",
      cause: redactCause(parameters.cause),
    });
    this.operation = parameters.operation;
  }
  override get name(): "StoreReplyError" {
    return "StoreReplyError";
  }
  static override isInstance(value: unknown): value is StoreReplyError {
    return hasCode(value, "STORE_REPLY");
  }
}

export interface InvalidationPendingErrorParameters {
  readonly keys?: readonly string[] | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly patterns?: readonly string[] | undefined;
  readonly cause?: unknown;
}

function listNames(noun: string, names: readonly string[]): string {
  const shown = names.slice(0, 3).map((name) => `"${truncateKey(name)}"`);
  const more = names.length > shown.length ? ` and ${names.length - shown.length} more` : "";
  return `${noun}${names.length === 1 ? "" : "s"} ${shown.join(", ")}${more}`;
}

/**
 * An invalidation could not be applied yet. It is kept and retried until it is; meanwhile this process treats what it
 * names as missing.
 */
export class InvalidationPendingError extends CacheError {
  declare readonly code: "INVALIDATION_PENDING";
  readonly keys: readonly string[];
  readonly tags: readonly string[];
  readonly patterns: readonly string[];

  constructor(parameters: InvalidationPendingErrorParameters) {
    const { keys = [], tags = [], patterns = [] } = parameters;
    const named = [
      ...(keys.length > 0 ? [listNames("key", keys)] : []),
      ...(tags.length > 0 ? [listNames("tag", tags)] : []),
      ...(patterns.length > 0 ? [listNames("pattern", patterns)] : []),
    ];
    super({
      code: "INVALIDATION_PENDING",
      message:
        `The invalidation of ${named.length > 0 ? named.join("; ") : "everything"} could not be applied yet. ` +
        "It is kept and retried until it is, and this process serves none of it meanwhile; " +
        "other processes may, so tell the user or repeat the call.",
      retryable: true,
      cause: parameters.cause,
    });
    this.keys = keys;
    this.tags = tags;
    this.patterns = patterns;
  }
  override get name(): "InvalidationPendingError" {
    return "InvalidationPendingError";
  }
  static override isInstance(value: unknown): value is InvalidationPendingError {
    return hasCode(value, "INVALIDATION_PENDING");
  }
}

/** A fetcher took longer than `hardTimeout`. */
export class FetchTimeoutError extends CacheError {
  declare readonly code: "FETCH_TIMEOUT";
  readonly key: string;
  readonly timeoutMs: number;

  constructor(parameters: { readonly key: string; readonly timeoutMs: number; readonly cause?: unknown }) {
    super({
      code: "FETCH_TIMEOUT",
      message:
        `The fetcher of key "${truncateKey(parameters.key)}": expected a value within ${parameters.timeoutMs} ms, got none. ` +
        "Raise `hardTimeout`, or make the source faster; its signal was aborted.",
      retryable: true,
      cause: parameters.cause,
    });
    this.key = parameters.key;
    this.timeoutMs = parameters.timeoutMs;
  }
  override get name(): "FetchTimeoutError" {
    return "FetchTimeoutError";
  }
  static override isInstance(value: unknown): value is FetchTimeoutError {
    return hasCode(value, "FETCH_TIMEOUT");
  }
}

/** The cache was used after `close()`, or closed while the call ran. */
export class CacheClosedError extends CacheError {
  declare readonly code: "CACHE_CLOSED";

  constructor(parameters: { readonly cause?: unknown } = {}) {
    super({
      code: "CACHE_CLOSED",
      message:
        "The cache: expected to be open, but it was closed. Call `close()` only when nothing uses it any more.",
      cause: parameters.cause,
    });
  }
  override get name(): "CacheClosedError" {
    return "CacheClosedError";
  }
  static override isInstance(value: unknown): value is CacheClosedError {
    return hasCode(value, "CACHE_CLOSED");
  }
}

/** `extend` was given names that the cache already has. */
export class ExtendConflictError extends CacheError {
  declare readonly code: "EXTEND_CONFLICT";
  readonly names: readonly string[];

  constructor(parameters: { readonly names: readonly string[] }) {
    super({
      code: "EXTEND_CONFLICT",
      message:
        `extend(): expected new names, but the cache already has ${listNames("name", parameters.names)}. ` +
        "Extend once, or use the standalone form, such as `createLocks(cache)`.",
    });
    this.names = parameters.names;
  }
  override get name(): "ExtendConflictError" {
    return "ExtendConflictError";
  }
  static override isInstance(value: unknown): value is ExtendConflictError {
    return hasCode(value, "EXTEND_CONFLICT");
  }
}

export interface InvalidFetcherErrorParameters {
  /** What was given, or what the fetcher returned. The error keeps only a short description of it. */
  readonly received: unknown;
  /** What was expected of it. @default "a function" */
  readonly expected?: string | undefined;
  /** @default "fetcher" */
  readonly parameter?: string | undefined;
  readonly cause?: unknown;
}

/** A fetcher that is no function, or a batch fetcher whose answer does not match the keys. */
export class InvalidFetcherError extends CacheError {
  declare readonly code: "INVALID_FETCHER";
  readonly parameter: string;
  /** Short description of what came. */
  readonly received: string;

  constructor(parameters: InvalidFetcherErrorParameters) {
    const { parameter = "fetcher", expected = "a function" } = parameters;
    const received = describeValue(parameters.received);
    super({
      code: "INVALID_FETCHER",
      message:
        `${parameter}: expected ${expected}, got ${received}. ` +
        "Pass `() => query()`, not the result of `query()`; for many keys return the values in the order of the keys, or a Map.",
      cause: parameters.cause,
    });
    this.parameter = parameter;
    this.received = received;
  }
  override get name(): "InvalidFetcherError" {
    return "InvalidFetcherError";
  }
  static override isInstance(value: unknown): value is InvalidFetcherError {
    return hasCode(value, "INVALID_FETCHER");
  }
}

export interface InvalidSessionErrorParameters {
  /** Name of the parameter: `userId`, `id`, `data`. */
  readonly parameter: string;
  /** What is accepted, as a noun. */
  readonly expected: string;
  /** The refused value. Only its type and length are shown: the id of a session is a secret. */
  readonly received: unknown;
  readonly cause?: unknown;
}

/** A user id, session id or session data that cannot be one. */
export class InvalidSessionError extends CacheError {
  declare readonly code: "INVALID_SESSION";
  readonly parameter: string;

  constructor(parameters: InvalidSessionErrorParameters) {
    const { parameter, expected, received } = parameters;
    const got =
      typeof received === "string" ? `a string of ${received.length} characters` : describeValue(received);
    super({
      code: "INVALID_SESSION",
      message:
        `${parameter}: expected ${expected}, got ${got}. ` +
        "Pass the user's id to `create`, and to the others the id that `create` returned.",
      cause: parameters.cause,
    });
    this.parameter = parameter;
  }
  override get name(): "InvalidSessionError" {
    return "InvalidSessionError";
  }
  static override isInstance(value: unknown): value is InvalidSessionError {
    return hasCode(value, "INVALID_SESSION");
  }
}

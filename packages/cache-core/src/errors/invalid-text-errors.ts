import { describeValue } from "../redact.ts";
import { CacheError, hasCode } from "./cache-error.ts";

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

import { describeValue } from "../redact.ts";
import { CacheError, hasCode } from "./cache-error.ts";

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

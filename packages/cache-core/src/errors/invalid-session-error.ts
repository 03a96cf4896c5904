import { describeValue } from "../redact.ts";
import { CacheError, hasCode } from "./cache-error.ts";

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

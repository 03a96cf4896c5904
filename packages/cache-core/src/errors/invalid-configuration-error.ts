import { CacheError, hasCode } from "./cache-error.ts";

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

import { describeValue } from "../redact.ts";
import { CacheError, hasCode } from "./cache-error.ts";

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
      : describeValue(parameters.received) + unitOf(parameters);
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

/** Who gives a duration as a number may not know that it is seconds. */
function unitOf({ expected, received }: { readonly expected: string; readonly received: unknown }): string {
  return typeof received === "number" && expected.startsWith("a duration") ? ", which is seconds" : "";
}

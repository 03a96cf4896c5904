import { checkOptionNames, InvalidOptionError, type OptionNames } from "@crm/cache-core";
import type { RateLimiter, Subject } from "../create-rate-limiter.ts";
import type { RateLimitResult } from "../result.ts";
import { countable } from "./countable.ts";
import { type FieldOptions, type HeaderStyle, quotaExceededProblem, rateLimitFields } from "./fields.ts";

/** What the middlewares of all frameworks take. `Context` is what the framework knows of a request. */
export interface GuardOptions<Context> extends Omit<FieldOptions, "partitionKey"> {
  /**
   * Who is counted. There is no default: an address that a proxy wrote, or did not write, is a decision of yours.
   * `null` lets the request pass uncounted. What cannot be a key, such as a header of more than 1,024 bytes, is counted by its digest.
   */
  subject(context: Context): Subject | null | Promise<Subject | null>;
  /** What a request costs. @default 1 */
  cost?: number | ((context: Context) => number | Promise<number>) | undefined;
  /** Adds `pk` to the fields: a digest of what is returned. @default none */
  partitionKey?: ((context: Context) => string) | undefined;
}

/** What is to be done with a request. */
export interface Verdict {
  readonly result: RateLimitResult;
  readonly fields: Readonly<Record<string, string>>;
  /** Body of a refusal, and its media type. */
  readonly body: string;
  readonly contentType: "application/problem+json";
}

const STYLES: readonly HeaderStyle[] = ["draft-11", "draft-8", "draft-7", "x"];
const OPTIONS: OptionNames<GuardOptions<never>> & { readonly refused: true } = {
  ...{ subject: true, cost: true, headers: true, partitionKey: true, quotaUnit: true, refused: true },
};
const UNITS: readonly unknown[] = ["requests", "content-bytes", "concurrent-requests"];

/** Judges requests; `null` when one is not counted. @throws InvalidOptionError */
export function createGuard<Context>(
  limiter: RateLimiter,
  options: GuardOptions<Context>,
): (context: Context) => Promise<Verdict | null> {
  if (typeof (limiter as RateLimiter | null)?.check !== "function") {
    throw new InvalidOptionError({
      option: "limiter",
      received: limiter,
      expected: "a limiter, as `createRateLimiter(cache, rules)` makes it",
    });
  }
  if (typeof (options as GuardOptions<Context> | undefined)?.subject !== "function") {
    throw new InvalidOptionError({
      option: "subject",
      received: (options as GuardOptions<Context> | undefined)?.subject,
      expected: "a function that says who is counted, such as the id of the user",
    });
  }
  checkOptionNames(options, OPTIONS);
  const { subject, cost = 1, partitionKey, headers = "draft-11", quotaUnit } = options;
  for (const style of headers === false ? [] : [headers].flat()) {
    if (STYLES.includes(style as HeaderStyle)) continue;
    throw new InvalidOptionError({
      option: "headers",
      received: style,
      expected: `false, or one or more of ${STYLES.map((each) => `"${each}"`).join(", ")}`,
    });
  }
  checkRest(options);
  return async (context) => {
    const who = await subject(context);
    if (who === null) return null;
    const result = await limiter.check(countable(who), {
      cost: typeof cost === "function" ? await cost(context) : cost,
    });
    const fields = rateLimitFields(result, { headers, quotaUnit, partitionKey: partitionKey?.(context) });
    return {
      result,
      fields,
      body: result.allowed ? "" : JSON.stringify(quotaExceededProblem(result)),
      contentType: "application/problem+json",
    };
  };
}

/** What is wrong here would otherwise be told to every visitor, as a 500. @throws InvalidOptionError */
function checkRest({ cost, partitionKey, quotaUnit, ...rest }: GuardOptions<never>): void {
  if (cost !== undefined && typeof cost !== "function" && !(Number.isSafeInteger(cost) && cost >= 1)) {
    const expected = "a whole number of 1 or more, or a function that returns one";
    throw new InvalidOptionError({ option: "cost", received: cost, expected });
  }
  if (quotaUnit !== undefined && !UNITS.includes(quotaUnit)) {
    const expected = `one of ${UNITS.map((each) => `"${each}"`).join(", ")}`;
    throw new InvalidOptionError({ option: "quotaUnit", received: quotaUnit, expected });
  }
  const { refused } = rest as { readonly refused?: unknown };
  for (const [option, received] of Object.entries({ partitionKey, refused })) {
    if (received !== undefined && typeof received !== "function")
      throw new InvalidOptionError({ option, received, expected: "a function" });
  }
}

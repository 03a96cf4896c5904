import { createHash } from "node:crypto";
import type { RateLimitResult, RuleResult } from "../result.ts";

/**
 * Which fields a response carries.
 *
 * - `draft-11`: `RateLimit-Policy` and `RateLimit` of draft-ietf-httpapi-ratelimit-headers-11 (23 May 2026), Structured
 *   Field lists with one member for each rule. A draft and no RFC: it may change.
 * - `draft-8`: the same two fields without units, as many clients of 2024 read them.
 * - `draft-7`: `RateLimit: limit=, remaining=, reset=` and `RateLimit-Policy: 100;w=60`, of the tightest rule.
 * - `x`: `X-RateLimit-Limit`, `-Remaining` and `-Reset` (seconds from now), of the tightest rule.
 *
 * `Retry-After` comes with every refusal, whatever is chosen.
 */
export type HeaderStyle = "draft-11" | "draft-8" | "draft-7" | "x";

/** Which fields are set, and what they say of the quota. */
export interface FieldOptions {
  /** @default "draft-11" */
  headers?: HeaderStyle | readonly HeaderStyle[] | false | undefined;
  /**
   * Adds `pk`, which tells one client's quota from another's without saying whose it is: the first 12 bytes of the
   * SHA-256 of what is returned here. draft-11 and draft-8. @default none
   */
  partitionKey?: string | undefined;
  /** Draft-11: what a cost of 1 stands for. @default "requests" */
  quotaUnit?: "requests" | "content-bytes" | "concurrent-requests" | undefined;
}

/** The fields of a response, by name. Durations are whole seconds, rounded up: nobody is told to come too early. */
export function rateLimitFields(result: RateLimitResult, options: FieldOptions = {}): Record<string, string> {
  const { headers = "draft-11", partitionKey, quotaUnit = "requests" } = options;
  const fields: Record<string, string> = {};
  const limits = result.limits.filter(({ shadow }) => !shadow);
  const tightest = tightestOf(limits);
  if (headers !== false && tightest !== undefined) {
    const pk = partitionKey === undefined ? "" : `;pk=:${digest(partitionKey)}:`;
    for (const style of typeof headers === "string" ? [headers] : headers) {
      Object.assign(fields, inStyle(style, limits, tightest, pk, quotaUnit));
    }
  }
  if (!result.allowed) fields["Retry-After"] = String(Math.max(1, seconds(result.retryAfter)));
  return fields;
}

function inStyle(
  style: HeaderStyle,
  limits: readonly RuleResult[],
  tightest: RuleResult,
  pk: string,
  quotaUnit: string,
): Record<string, string> {
  switch (style) {
    case "x":
      return {
        "X-RateLimit-Limit": String(tightest.limit),
        "X-RateLimit-Remaining": String(tightest.remaining),
        "X-RateLimit-Reset": String(seconds(tightest.resetIn)),
      };
    case "draft-7":
      return {
        "RateLimit-Policy": limits.map(({ limit, window }) => `${limit};w=${seconds(window)}`).join(", "),
        RateLimit: `limit=${tightest.limit}, remaining=${tightest.remaining}, reset=${seconds(tightest.resetIn)}`,
      };
    default: {
      // The unit is "requests" unless it is said.
      const unit = style === "draft-11" && quotaUnit !== "requests" ? `;qu="${quotaUnit}"` : "";
      return {
        "RateLimit-Policy": limits
          .map(({ name, limit, window }) => `"${name}";q=${integer(limit)};w=${seconds(window)}${unit}${pk}`)
          .join(", "),
        RateLimit: limits
          .map(
            ({ name, remaining, resetIn }) => `"${name}";r=${integer(remaining)};t=${seconds(resetIn)}${pk}`,
          )
          .join(", "),
      };
    }
  }
}

/** The body of a refusal, as RFC 9457 has it, of the problem type that the draft asks IANA to register. */
export interface QuotaExceededProblem {
  readonly type: "https://iana.org/assignments/http-problem-types#quota-exceeded";
  readonly title: string;
  readonly status: 429;
  readonly detail: string;
  readonly "violated-policies": readonly string[];
}

/** Problem details (RFC 9457) of a refusal, of the type that draft-11 registers, with the rules that refused. */
export function quotaExceededProblem(result: RateLimitResult): QuotaExceededProblem {
  const wait = Math.max(1, seconds(result.retryAfter));
  return {
    type: "https://iana.org/assignments/http-problem-types#quota-exceeded",
    title: "Request cannot be satisfied as assigned quota has been exceeded",
    status: 429,
    detail: `Try again in ${wait} second${wait === 1 ? "" : "s"}.`,
    "violated-policies": result.violated,
  };
}

/** The rule that leaves least; the longest to recover among those. */
function tightestOf(limits: readonly RuleResult[]): RuleResult | undefined {
  return limits.reduce<RuleResult | undefined>((tightest, limit) => {
    if (tightest === undefined || limit.remaining < tightest.remaining) return limit;
    return limit.remaining === tightest.remaining && limit.resetIn > tightest.resetIn ? limit : tightest;
  }, undefined);
}

function seconds(duration: number): number {
  return Math.ceil(duration);
}

/** Integers of Structured Fields have 15 digits at most. */
function integer(n: number): number {
  return Math.min(n, 999_999_999_999_999);
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest().subarray(0, 12).toString("base64");
}

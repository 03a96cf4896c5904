import { CacheError } from "@crm/cache-core";

/** One thing that is wrong with rules, and where: `companies.patterns[0]`. */
export interface RuleIssue {
  readonly path: string;
  readonly message: string;
  /** Where that stands in a text, from 1; `undefined` where it is not known. */
  readonly line?: number | undefined;
}

/** What an `InvalidRulesError` is made of. */
export interface InvalidRulesErrorParameters {
  /** Where the rules came from: a file name, or "rules". */
  readonly source: string;
  readonly issues: readonly RuleIssue[];
  readonly cause?: unknown;
}

/** Rules that cannot be read, or whose form is wrong. What they mean is the business of `checkRules`. */
export class InvalidRulesError extends CacheError {
  declare readonly code: "INVALID_RULES";
  readonly source: string;
  readonly issues: readonly RuleIssue[];

  constructor({ source, issues, cause }: InvalidRulesErrorParameters) {
    const shown = issues.slice(0, 10).map(({ path, line, message }) => {
      const where = line === undefined ? path : `${path} (line ${line})`;
      return path === "" ? message : `${where}: ${message}`;
    });
    const more = issues.length > shown.length ? `; and ${issues.length - shown.length} more` : "";
    super({
      code: "INVALID_RULES",
      message:
        `${source}: expected rules, an object of entity names with \`patterns\` and, if any, \`relatedEntities\`; ` +
        `${shown.join("; ")}${more}. Correct the rules named.`,
      cause,
    });
    this.source = source;
    this.issues = issues;
  }
  override get name(): "InvalidRulesError" {
    return "InvalidRulesError";
  }
  static override isInstance(value: unknown): value is InvalidRulesError {
    return CacheError.isInstance(value) && value.code === "INVALID_RULES";
  }
}

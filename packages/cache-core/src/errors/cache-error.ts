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
  /** Heading in the documentation that tells when this happens and what to do: a path in the repository. */
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

/** Whether a value is an error of the toolkit with this code. */
export function hasCode(value: unknown, code: string): boolean {
  return CacheError.isInstance(value) && value.code === code;
}

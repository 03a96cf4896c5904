/** Longest rendering of a key, a string or a class name inside a message. */
const MAX_RENDERED_LENGTH = 80;

/** Whether a UTF-16 code unit could forge or disturb a line of a log: controls, separators, bidi marks, surrogates. */
function isUnprintable(unit: number): boolean {
  return (
    unit < 0x20 ||
    (unit >= 0x7f && unit <= 0x9f) ||
    (unit >= 0x200b && unit <= 0x200f) ||
    (unit >= 0x2028 && unit <= 0x202e) ||
    (unit >= 0x2060 && unit <= 0x206f) ||
    unit === 0xfeff
  );
}

/**
 * Makes a key fit for a message or a log line: at most 80 characters, ending in `…` when something was cut, with
 * control characters, line separators, direction marks and lone surrogates written as `\u{…}`. Pairs are not split.
 */
export function truncateKey(key: string): string {
  let rendered = "";
  for (const character of key) {
    const point = character.codePointAt(0)!;
    const piece =
      isUnprintable(point) || (point >= 0xd800 && point <= 0xdfff)
        ? `\\u{${point.toString(16).toUpperCase()}}`
        : character;
    if (rendered.length + piece.length > MAX_RENDERED_LENGTH) {
      // The mark needs room of its own; what is dropped here is whole, because pieces were added whole.
      while (rendered.length >= MAX_RENDERED_LENGTH)
        rendered = rendered.replace(/(\\u\{[0-9A-F]+\}|.)$/su, "");
      return `${rendered}…`;
    }
    rendered += piece;
  }
  return rendered;
}

/**
 * Hides the credentials of a URL: `redis://user:secret@host:6379/1` → `redis://***@host:6379/1`. Values of a query are
 * hidden too, since clients accept passwords there, and so is what stands in the place of a port and is none.
 *
 * Text that is no URL but holds `@` loses everything before the last one: a malformed URL is exactly what error
 * messages are asked to show, and a password may itself contain `@`, `/` or `#`.
 */
export function redactUrl(url: string): string {
  const scheme = /^[a-z][a-z0-9+.-]{0,30}:\/\//i.exec(url)?.[0] ?? "";
  let rest = url.slice(scheme.length);
  const at = rest.lastIndexOf("@");
  if (at >= 0) {
    rest = `***${rest.slice(at)}`;
  } else if (scheme !== "") {
    rest = rest.replace(/^([^:/?#[]*):(?!\d{1,5}(?:[/?#]|$)).*$/s, "$1:***");
  }
  return scheme + rest.replace(/([?&#;][^=&#;]*=)[^&#;]*/g, "$1***");
}

/**
 * Describes a value that was refused, by type and a short rendering that is safe to log: never the content of an
 * object, strings escaped, cut to 80 characters and without the credentials of URLs.
 */
export function describeValue(value: unknown): string {
  switch (typeof value) {
    case "string":
      return describeString(value);
    case "number":
      return Object.is(value, -0) ? "the number -0" : `the number ${value}`;
    case "bigint":
      return `the bigint ${truncateKey(`${value}n`)}`;
    case "boolean":
    case "undefined":
      return String(value);
    case "symbol":
      return "a symbol";
    case "function":
      return "a function";
    default:
      return describeObject(value as object | null);
  }
}

function describeString(value: string): string {
  if (value === "") return "the empty string";
  // Cut first: a refused value may be megabytes long.
  const shown = truncateKey(
    (/@|:\/\//.test(value) ? redactUrl(value) : value).slice(0, 2 * MAX_RENDERED_LENGTH),
  );
  return shown.endsWith("…")
    ? `the string "${shown}" of ${value.length} characters`
    : `the string "${shown}"`;
}

function describeObject(value: object | null): string {
  if (value === null) return "null";
  try {
    if (Array.isArray(value))
      return value.length === 1 ? "an array of 1 element" : `an array of ${value.length} elements`;
    const className = classNameOf(value);
    if (className === "Object" || className === "") return "an object";
    return `an instance of ${className}`;
  } catch {
    // A revoked proxy, or a getter that throws.
    return "an object";
  }
}

/** The name of an object's class, fit for a message; empty when there is none. May run a getter of the object. */
export function classNameOf(value: object): string {
  const name: unknown = Object.getPrototypeOf(value)?.constructor?.name;
  return typeof name === "string" ? truncateKey(name) : "";
}

/** Where an error of a Redis client carries a command, or other errors that do. */
const CARRIERS = ["command", "lastNodeError", "previousErrors"] as const;

/**
 * Takes from an error of a Redis client what must not reach a log: ioredis attaches the whole command, and so the
 * password of an `AUTH` or the bytes of a value. Returns the error itself when it carries no command.
 */
export function redactCause(cause: unknown): unknown {
  if (!(cause instanceof Error) || !CARRIERS.some((name) => name in cause)) return cause;
  const { command, lastNodeError } = cause as {
    command?: { name?: unknown } | null;
    lastNodeError?: unknown;
  };
  const redacted = new Error(cause.message);
  redacted.name = cause.name;
  if (cause.stack !== undefined) redacted.stack = cause.stack;
  return Object.assign(redacted, {
    ...("code" in cause ? { code: cause.code } : {}),
    ...(typeof command?.name === "string" ? { command: command.name } : {}),
    ...(lastNodeError === undefined ? {} : { lastNodeError: redactCause(lastNodeError) }),
  });
}

import { truncateKey } from "../redact.ts";
import { CacheError, hasCode } from "./cache-error.ts";

/** What a codec may find in a value that it cannot carry exactly. A codec of your own may add kinds. */
export type UnserializableKind =
  | "circular"
  | "too-deep"
  | "too-large"
  | "undefined"
  | "function"
  | "symbol"
  | "symbol-key"
  | "instance"
  | "extra-property"
  | "sparse-array"
  | "to-json"
  | "unreadable"
  | (string & {});

export interface UnserializableValueErrorParameters {
  /** Where the culprit is, from the value itself: `$.a[3].b`. */
  readonly path: string;
  readonly kind: UnserializableKind;
  /** What it is, as in `an instance of Company`. @default a phrase for the kind */
  readonly what?: string | undefined;
  /** The key under which it was to be cached, where that is known. */
  readonly key?: string | undefined;
  readonly cause?: unknown;
}

function describeKind(kind: UnserializableKind): { what: string; advice: string } {
  const drop = "Remove it before caching.";
  const plain = "Convert it to a plain object first.";
  switch (kind) {
    case "circular":
      return {
        what: "a reference to an object that contains it",
        advice: "Break the cycle, for example by an id.",
      };
    case "too-deep":
      return { what: "nested too deeply", advice: "Cache a flatter value." };
    case "too-large":
      return { what: "too large to be written as one text", advice: "Cache it in parts." };
    case "undefined":
      return { what: "undefined", advice: "Cache `null`, or do not cache." };
    case "function":
      return { what: "a function", advice: drop };
    case "symbol":
      return { what: "a symbol", advice: drop };
    case "symbol-key":
      return { what: "an object with a symbol as a key", advice: drop };
    case "instance":
      return { what: "an instance of a class", advice: plain };
    case "extra-property":
      return { what: "a named property on an array or a built-in object", advice: plain };
    case "sparse-array":
      return { what: "a hole in an array", advice: "Fill it, for example with `null`." };
    case "to-json":
      return { what: "an object with a toJSON of its own", advice: "Cache what `toJSON()` returns." };
    case "unreadable":
      return { what: "an object that throws while it is read", advice: plain };
    default:
      return { what: kind, advice: plain };
  }
}

/** A value that the codec could not give back exactly as it went in. */
export class UnserializableValueError extends CacheError {
  declare readonly code: "UNSERIALIZABLE_VALUE";
  /** Where the culprit is, from the value itself: `$.a[3].b`. */
  readonly path: string;
  readonly kind: UnserializableKind;
  /** What it is, as in `an instance of Company`. */
  readonly what: string;
  /** The key under which it was to be cached; `undefined` where a codec is used by itself. */
  readonly key: string | undefined;

  constructor(parameters: UnserializableValueErrorParameters) {
    const { path, kind, key, cause } = parameters;
    const { what: phrase, advice } = describeKind(kind);
    const what = parameters.what ?? phrase;
    const value = key === undefined ? "The value" : `The value for key "${truncateKey(key)}"`;
    super({
      code: "UNSERIALIZABLE_VALUE",
      message: `${value} cannot be cached exactly: ${path} is ${what}. ${advice}`,
      cause,
    });
    this.path = path;
    this.kind = kind;
    this.what = what;
    this.key = key;
  }
  override get name(): "UnserializableValueError" {
    return "UnserializableValueError";
  }
  static override isInstance(value: unknown): value is UnserializableValueError {
    return hasCode(value, "UNSERIALIZABLE_VALUE");
  }
}

/** `undefined` was given as the value to cache, or as the message to send. */
export class UndefinedValueError extends CacheError {
  declare readonly code: "UNDEFINED_VALUE";
  /** The key of the value, or the channel of the message. */
  readonly key: string;

  constructor(parameters: { readonly key: string } | { readonly channel: string }) {
    const ofMessage = "channel" in parameters;
    const name = ofMessage ? parameters.channel : parameters.key;
    const what = ofMessage ? "The message for channel" : "The value for key";
    const advice = ofMessage
      ? "Send `null` to say that there is nothing."
      : "Cache `null` to remember that there is nothing, or call `del(key)` to forget.";
    super({
      code: "UNDEFINED_VALUE",
      message: `${what} "${truncateKey(name)}": expected anything but undefined, got undefined. ${advice}`,
    });
    this.key = name;
  }
  override get name(): "UndefinedValueError" {
    return "UndefinedValueError";
  }
  static override isInstance(value: unknown): value is UndefinedValueError {
    return hasCode(value, "UNDEFINED_VALUE");
  }
}

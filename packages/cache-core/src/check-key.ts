import {
  InvalidChannelError,
  InvalidKeyError,
  InvalidOptionError,
  InvalidPatternError,
  InvalidScopeError,
  InvalidTagError,
  type InvalidTextErrorParameters,
} from "./errors.ts";

/** Longest key, tag, pattern or channel, in bytes of UTF-8. */
const MAX_TEXT_BYTES = 1024;
const MAX_SCOPE_BYTES = 128;
const MAX_TAGS = 64;

/**
 * Whether the value is a string of 1 to `maxBytes` bytes of UTF-8 without control characters (U+0000 to U+001F,
 * U+007F to U+009F) and without lone surrogates. The latter have no UTF-8 form: two different keys would meet as
 * U+FFFD in Redis.
 *
 * One pass, no allocation: this runs for the key of every call.
 */
function isPlainText(value: unknown, maxBytes: number): value is string {
  if (typeof value !== "string") return false;
  const length = value.length;
  // A code unit takes at least one byte, so anything longer is refused before it is looked at.
  if (length === 0 || length > maxBytes) return false;
  let bytes = length;
  for (let index = 0; index < length; index++) {
    const unit = value.charCodeAt(index);
    if (unit >= 0x20 && unit < 0x7f) continue;
    if (unit < 0xa0) return false;
    if (unit < 0x800) {
      bytes += 1;
    } else if (unit < 0xd800 || unit > 0xdfff) {
      bytes += 2;
    } else {
      if (unit > 0xdbff) return false;
      const low = value.charCodeAt(++index);
      // Also false at the end of the string, where the unit is NaN.
      if (!(low >= 0xdc00 && low <= 0xdfff)) return false;
      bytes += 2;
    }
  }
  return bytes <= maxBytes;
}

/** What is wrong with a text that `isPlainText` refused, as a clause. */
function findProblem(value: unknown, maxBytes: number): string | undefined {
  if (typeof value !== "string" || value === "") return undefined;
  const bytes = Buffer.byteLength(value);
  if (bytes > maxBytes) return `it has ${bytes} bytes`;
  for (let index = 0; index < value.length; index++) {
    const point = value.codePointAt(index)!;
    const name = `U+${point.toString(16).toUpperCase().padStart(4, "0")}`;
    if (point < 0x20 || (point >= 0x7f && point < 0xa0))
      return `it holds the control character ${name} at index ${index}`;
    if (point >= 0xd800 && point <= 0xdfff) return `it holds the lone surrogate ${name} at index ${index}`;
    if (point > 0xffff) index++;
  }
  return undefined;
}

function refusal(parameter: string, received: unknown, maxBytes: number): InvalidTextErrorParameters {
  return { parameter, received, problem: findProblem(received, maxBytes) };
}

/**
 * A key: a non-empty string of at most 1,024 bytes without control characters.
 *
 * @param parameter name of the parameter, for the error
 * @throws InvalidKeyError
 */
export function checkKey(key: unknown, parameter: string = "key"): string {
  if (isPlainText(key, MAX_TEXT_BYTES)) return key;
  throw new InvalidKeyError(refusal(parameter, key, MAX_TEXT_BYTES));
}

/**
 * Keys, in their order and with repetitions. The array is not copied.
 *
 * @throws InvalidKeyError naming the index of the first that is wrong
 */
export function checkKeys(keys: unknown, parameter: string = "keys"): readonly string[] {
  if (!Array.isArray(keys)) {
    throw new InvalidKeyError({ parameter, received: keys, problem: "an array of keys was expected" });
  }
  for (let index = 0; index < keys.length; index++) {
    // The name is built only for the error.
    if (!isPlainText(keys[index], MAX_TEXT_BYTES)) {
      throw new InvalidKeyError(refusal(`${parameter}[${index}]`, keys[index], MAX_TEXT_BYTES));
    }
  }
  return keys;
}

/** A tag: the rules of a key. @throws InvalidTagError */
export function checkTag(tag: unknown, parameter: string = "tag"): string {
  if (isPlainText(tag, MAX_TEXT_BYTES)) return tag;
  throw new InvalidTagError(refusal(parameter, tag, MAX_TEXT_BYTES));
}

/**
 * The tags of an entry: at most 64 different ones. Returns a new array without repetitions, in the order of the first
 * occurrences, so that a caller who changes its own array later changes nothing here.
 *
 * @throws InvalidTagError
 */
export function checkTags(tags: unknown, parameter: string = "tags"): readonly string[] {
  if (!Array.isArray(tags)) {
    throw new InvalidTagError({ parameter, received: tags, problem: "an array of tags was expected" });
  }
  const unique = new Set<string>();
  for (let index = 0; index < tags.length; index++) {
    const tag: unknown = tags[index];
    if (!isPlainText(tag, MAX_TEXT_BYTES)) {
      throw new InvalidTagError(refusal(`${parameter}[${index}]`, tag, MAX_TEXT_BYTES));
    }
    unique.add(tag);
    if (unique.size > MAX_TAGS) throw new InvalidTagError({ parameter, received: tags });
  }
  return [...unique];
}

/** A glob: the rules of a key; its syntax has no errors. @throws InvalidPatternError */
export function checkPattern(pattern: unknown, parameter: string = "pattern"): string {
  if (isPlainText(pattern, MAX_TEXT_BYTES)) return pattern;
  throw new InvalidPatternError(refusal(parameter, pattern, MAX_TEXT_BYTES));
}

/** The name of a scope: a string of 1 to 128 bytes without control characters. @throws InvalidScopeError */
export function checkScope(scope: unknown, parameter: string = "scope"): string {
  if (isPlainText(scope, MAX_SCOPE_BYTES)) return scope;
  throw new InvalidScopeError(refusal(parameter, scope, MAX_SCOPE_BYTES));
}

/** A channel: the rules of a key. @throws InvalidChannelError */
export function checkChannel(channel: unknown, parameter: string = "channel"): string {
  if (isPlainText(channel, MAX_TEXT_BYTES)) return channel;
  throw new InvalidChannelError(refusal(parameter, channel, MAX_TEXT_BYTES));
}

/**
 * The namespace of a cache: 1 to 64 of `A-Z a-z 0-9 . _ -`. Narrower than a key because it is part of every physical
 * name, where `:` separates and braces decide the Cluster slot.
 *
 * @throws InvalidOptionError
 */
export function checkNamespace(namespace: unknown, option: string = "namespace"): string {
  if (typeof namespace === "string" && /^[A-Za-z0-9._-]{1,64}$/.test(namespace)) return namespace;
  throw new InvalidOptionError({
    option,
    received: namespace,
    expected: "1 to 64 characters of A-Z a-z 0-9 . _ -",
    advice: 'Name the application, for example "crm".',
  });
}

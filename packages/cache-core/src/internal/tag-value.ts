import { types } from "node:util";
import { type UnserializableKind, UnserializableValueError } from "../errors/value-errors.ts";
import { classNameOf, truncateKey } from "../redact.ts";

/**
 * Deepest nesting of containers that is carried. Far above real data, far below what the stack takes, so that a value
 * is refused with its path and never with a `RangeError`.
 */
export const MAX_DEPTH = 512;
/**
 * From this depth on, containers are compared with those around them. Above it the check would cost more than the
 * whole walk; a cycle reaches this depth by itself, after the containers on it were walked at most this many times.
 */
const CYCLE_CHECK_DEPTH = 16;
const TILDE = 126;

/** What the format underneath needs beyond what JSON does. */
export interface TagRules {
  /** Carries bytes: a tagged text, or an array that starts with a tag. `isBuffer` is false for a plain `Uint8Array`. */
  bytes(value: Uint8Array, isBuffer: boolean): unknown;
  /** Whether the format changes this text, as UTF-8 does with lone surrogates. Absent: it changes none. */
  changesText?: ((text: string) => boolean) | undefined;
  /** Whether the format cannot have this key in an object. Absent: it can have every key. */
  changesKey?: ((key: string) => boolean) | undefined;
}

/** What `tagValue` makes of a value. */
export interface TaggedValue {
  /** Holds nothing but what JSON has (and what `rules.bytes` returned). The value itself when it was so already. */
  readonly tree: unknown;
  /** Whether the tree must go through `untagValue` after it was read back. */
  readonly tagged: boolean;
}

/**
 * Checks in one walk that a value can be carried exactly, and replaces what JSON lacks by tags. The value is never
 * changed: containers are copied when something in them is replaced, and only then.
 *
 * Tags are texts that start with `~`; texts of the value that start with `~` get one more. Being texts, they cost a
 * reader one look at the first character, and objects of the value cannot be mistaken for them.
 *
 * | text | value | | array | value |
 * |---|---|---|---|---|
 * | `~~…` | the text `~…` | | `["~M", k, v, …]` | `Map` |
 * | `~d<ms>` | `Date`, invalid too (`~dNaN`) | | `["~S", v, …]` | `Set` |
 * | `~n<digits>` | `BigInt` | | `["~O", {…}]` | object without a prototype |
 * | `~_` | `undefined` | | `["~E", k, v, …]` | object with keys that the format cannot have |
 * | `~N` `~I` `~i` `~0` | `NaN`, `Infinity`, `-Infinity`, `-0` | | `["~U", bytes]` | `Uint8Array` where bytes are native |
 * | `~b…` `~u…` | `Buffer`, `Uint8Array` in base64 | | | |
 * | `~r[lastIndex,flags,source]` | `RegExp` | | | |
 * | `~j…` | a text that the format would change, as JSON | | | |
 *
 * Data are the own enumerable properties with text keys; accessors are read. Whatever else an object may hide
 * (non-enumerable properties, frozenness, identity of shared references) is not part of the value.
 *
 * @throws UnserializableValueError with the path of the first culprit
 */
export function tagValue(value: unknown, rules: TagRules): TaggedValue {
  const tagger = new Tagger(rules);
  try {
    const tree = tagger.value(value, "");
    // Escapes alone need no tree: without tags the reader does not look for them.
    return tagger.tagged ? { tree, tagged: true } : { tree: value, tagged: false };
  } catch (error) {
    if (UnserializableValueError.isInstance(error)) throw error;
    throw tagger.unreadable(error);
  }
}

/** Key of a property, index of an element, or for the i-th entry of a Map or Set -1 - 2i (key) or -2 - 2i (value). */
type PathSegment = string | number;

class Tagger {
  tagged = false;
  readonly #rules: TagRules;
  /** The containers around the current place, and the segments that lead from each to the next. */
  readonly #containers: object[] = [];
  readonly #path: PathSegment[] = [];
  #depth = 0;
  /** Somebody added to `Object.prototype`: then `for…in` also yields what is not the object's own. */
  readonly #polluted: boolean;

  constructor(rules: TagRules) {
    this.#rules = rules;
    this.#polluted = hasEnumerableKey(Object.prototype);
  }

  /** `segment` leads from the current container to the value. */
  value(value: unknown, segment: PathSegment): unknown {
    switch (typeof value) {
      case "string":
        return this.#text(value);
      case "number":
        return value - value === 0 && (value !== 0 || 1 / value > 0) ? value : this.#number(value);
      case "boolean":
        return value;
      case "object":
        if (value === null) return null;
        this.#path[this.#depth] = segment;
        return Array.isArray(value) ? this.#array(value) : this.#object(value);
      default:
        this.#path[this.#depth] = segment;
        return this.#rare(value);
    }
  }

  refusal(kind: UnserializableKind, what: string | undefined, cause?: unknown): UnserializableValueError {
    return new UnserializableValueError({
      path: renderPath(this.#path.slice(1, this.#depth + 1)),
      kind,
      what,
      cause,
    });
  }

  /** A getter or a proxy threw; or the caller had nearly used up the stack. Names the container that was being read. */
  unreadable(cause: unknown): UnserializableValueError {
    this.#depth = Math.max(this.#depth - 1, 0);
    return this.refusal(cause instanceof RangeError ? "too-deep" : "unreadable", undefined, cause);
  }

  #text(text: string): string {
    if (this.#rules.changesText?.(text)) {
      this.tagged = true;
      // `JSON.stringify` writes lone surrogates as escapes.
      return `~j${JSON.stringify(text)}`;
    }
    return text.charCodeAt(0) === TILDE ? `~${text}` : text;
  }

  #number(value: number): string {
    this.tagged = true;
    if (value === 0) return "~0";
    return Number.isNaN(value) ? "~N" : value > 0 ? "~I" : "~i";
  }

  #rare(value: unknown): string {
    if (value === undefined) {
      if (this.#depth === 0) throw this.refusal("undefined", undefined);
      this.tagged = true;
      return "~_";
    }
    if (typeof value === "bigint") {
      this.tagged = true;
      return `~n${value}`;
    }
    throw this.refusal(typeof value === "symbol" ? "symbol" : "function", undefined);
  }

  #array(array: unknown[]): unknown {
    const prototype: object | null = Object.getPrototypeOf(array);
    if (prototype !== Array.prototype && !isBuiltIn(prototype, "Array")) throw this.#instance(array);
    this.#checkProperties(array);
    // Counts fewer for a hole and more for a name. They may cancel out: holes are looked for again below.
    if (Object.keys(array).length !== array.length) throw this.#irregular(array);
    this.#enter(array);
    let copy: unknown[] | undefined;
    const { changesText } = this.#rules;
    for (let index = 0; index < array.length; index++) {
      const item = array[index];
      if (typeof item === "string") {
        if (changesText === undefined && item.charCodeAt(0) !== TILDE) continue;
      } else if (typeof item === "number") {
        if (item - item === 0 && (item !== 0 || 1 / item > 0)) continue;
      }
      const tagged = this.value(item, index);
      if (tagged === item) continue;
      if (item === undefined && !(index in array)) {
        this.#depth--;
        throw this.#irregular(array);
      }
      copy ??= array.slice();
      copy[index] = tagged;
    }
    this.#depth--;
    return copy ?? array;
  }

  #irregular(array: unknown[]): UnserializableValueError {
    for (let index = 0; index < array.length; index++) {
      if (index in array) continue;
      this.#path[++this.#depth] = index;
      return this.refusal("sparse-array", undefined);
    }
    return this.#extra(array);
  }

  #extra(container: object): UnserializableValueError {
    const name = Object.keys(container).find((key) => !(Array.isArray(container) && /^\d+$/.test(key)));
    if (name !== undefined) this.#path[++this.#depth] = name;
    return this.refusal("extra-property", undefined);
  }

  #object(object: object): unknown {
    const prototype: object | null = Object.getPrototypeOf(object);
    if (prototype === Object.prototype) return this.#plain(object as Record<string, unknown>);
    if (prototype === null) {
      this.tagged = true;
      const tree = this.#plain(object as Record<string, unknown>);
      return ["~O", tree === object ? { ...object } : tree];
    }
    if (types.isDate(object)) {
      this.#checkBuiltIn(object, prototype, Date.prototype, "Date");
      return `~d${Date.prototype.getTime.call(object)}`;
    }
    if (types.isUint8Array(object)) return this.#bytes(object, prototype);
    if (types.isMap(object)) return this.#map(object, prototype);
    if (types.isSet(object)) return this.#set(object, prototype);
    if (types.isRegExp(object)) return this.#regExp(object, prototype);
    // An object literal of another realm: a `node:vm` context, as test runners make them.
    if (Object.getPrototypeOf(prototype) === null && isBuiltIn(prototype, "Object")) {
      return this.#plain(object as Record<string, unknown>);
    }
    throw this.#instance(object);
  }

  /** The hot path: primitives that need nothing are passed over without a call. */
  #plain(object: Record<string, unknown>): unknown {
    this.#checkProperties(object);
    this.#enter(object);
    let copy: Record<string, unknown> | undefined;
    let reshape = false;
    const { changesText, changesKey } = this.#rules;
    for (const key in object) {
      if (this.#polluted && !Object.hasOwn(object, key)) continue;
      if (changesKey?.(key)) reshape = true;
      const item = object[key];
      if (typeof item === "string") {
        if (changesText === undefined && item.charCodeAt(0) !== TILDE) continue;
      } else if (typeof item === "number") {
        if (item - item === 0 && (item !== 0 || 1 / item > 0)) continue;
      } else if (typeof item === "boolean" || item === null) {
        continue;
      }
      const tagged = this.value(item, key);
      if (tagged === item) continue;
      // Spreading defines properties, so an own `__proto__` is copied as data; assigning to it then finds it own.
      copy ??= { ...object };
      copy[key] = tagged;
    }
    this.#depth--;
    return reshape ? this.#entries(copy ?? object) : (copy ?? object);
  }

  /** `tree` is tagged already, except for its keys. */
  #entries(tree: Record<string, unknown>): unknown {
    this.tagged = true;
    const entries: unknown[] = ["~E"];
    for (const [key, item] of Object.entries(tree)) entries.push(this.#text(key), item);
    return entries;
  }

  #bytes(bytes: Uint8Array, prototype: object): unknown {
    const isBuffer = prototype === Buffer.prototype;
    if (!isBuffer && prototype !== Uint8Array.prototype && !isBuiltIn(prototype, "Uint8Array")) {
      throw this.#instance(bytes);
    }
    this.tagged = true;
    return this.#rules.bytes(bytes, isBuffer);
  }

  #map(map: ReadonlyMap<unknown, unknown>, prototype: object): unknown {
    this.#checkBuiltIn(map, prototype, Map.prototype, "Map");
    this.#enter(map);
    const tree: unknown[] = ["~M"];
    let index = 0;
    for (const [key, item] of map) {
      tree.push(this.value(key, -1 - 2 * index), this.value(item, -2 - 2 * index));
      index++;
    }
    this.#depth--;
    return tree;
  }

  #set(set: ReadonlySet<unknown>, prototype: object): unknown {
    this.#checkBuiltIn(set, prototype, Set.prototype, "Set");
    this.#enter(set);
    const tree: unknown[] = ["~S"];
    for (const item of set) tree.push(this.value(item, -2 * tree.length));
    this.#depth--;
    return tree;
  }

  #regExp(expression: RegExp, prototype: object): string {
    const { lastIndex } = expression;
    // Anything can be assigned to it; no more than an index is carried.
    if (!Number.isSafeInteger(lastIndex) || lastIndex < 0) throw this.#instance(expression);
    this.#checkBuiltIn(expression, prototype, RegExp.prototype, "RegExp");
    return `~r${JSON.stringify([lastIndex, expression.flags, expression.source])}`;
  }

  #checkBuiltIn(object: object, prototype: object, expected: object, name: string): void {
    if (prototype !== expected && !isBuiltIn(prototype, name)) throw this.#instance(object);
    this.#checkProperties(object);
    if (hasEnumerableKey(object)) throw this.#extra(object);
    this.tagged = true;
  }

  #checkProperties(object: object): void {
    // The dearest part of the walk, but nothing else in the language tells of symbols, and JSON drops them in silence.
    const symbols = Object.getOwnPropertySymbols(object);
    if (symbols.length > 0 && hasEnumerableSymbol(object, symbols))
      throw this.refusal("symbol-key", undefined);
    // `Date` has one of its own, which is never asked: dates are carried as they are.
    if (typeof (object as { toJSON?: unknown }).toJSON === "function" && !types.isDate(object)) {
      throw this.refusal("to-json", undefined);
    }
  }

  #enter(container: object): void {
    const containers = this.#containers;
    if (this.#depth >= CYCLE_CHECK_DEPTH) {
      const first = containers.indexOf(container);
      if (first !== -1 && first < this.#depth) throw this.#cycle();
      if (this.#depth >= MAX_DEPTH) throw this.refusal("too-deep", undefined);
    }
    containers[this.#depth++] = container;
  }

  /** Finds where the cycle closes for the first time: the walk went round it until it was deep enough to look. */
  #cycle(): UnserializableValueError {
    const seen = new Set<object>();
    const deepest = this.#depth;
    for (this.#depth = 0; this.#depth < deepest; this.#depth++) {
      const container = this.#containers[this.#depth]!;
      if (seen.has(container)) break;
      seen.add(container);
    }
    return this.refusal("circular", undefined);
  }

  #instance(object: object): UnserializableValueError {
    const name = classNameOf(object);
    return this.refusal("instance", name === "" || name === "Object" ? undefined : `an instance of ${name}`);
  }
}

function hasEnumerableSymbol(object: object, symbols: readonly symbol[]): boolean {
  return symbols.some((symbol) => Object.prototype.propertyIsEnumerable.call(object, symbol));
}

function hasEnumerableKey(object: object): boolean {
  for (const key in object) if (Object.hasOwn(object, key)) return true;
  return false;
}

/** Whether this is the prototype of the built-in class of that name in some realm. */
function isBuiltIn(prototype: object | null, name: string): boolean {
  if (prototype === null || !Object.hasOwn(prototype, "constructor")) return false;
  const builtIn = prototype.constructor;
  return (
    builtIn.name === name && /\{\s*\[native code\]\s*\}$/.test(Function.prototype.toString.call(builtIn))
  );
}

/** `$.a[3].b`, as one would write it; keys that are no identifiers in brackets, long paths cut in the middle. */
function renderPath(path: readonly PathSegment[]): string {
  const rendered = path.map((segment) => {
    if (typeof segment === "string") {
      return /^[A-Za-z_$][\w$]{0,79}$/.test(segment)
        ? `.${segment}`
        : `["${truncateKey(segment).replaceAll('"', '\\"')}"]`;
    }
    if (segment >= 0) return `[${segment}]`;
    return segment % 2 === 0 ? `.values()[${-segment / 2 - 1}]` : `.keys()[${(-segment - 1) / 2}]`;
  });
  if (rendered.length > 24) rendered.splice(12, rendered.length - 18, "…");
  return `$${rendered.join("")}`;
}

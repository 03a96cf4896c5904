import { types } from "node:util";

/** A decoded value made ready to be given to many callers, none of whom can reach another through it. */
export interface SharedValue {
  /** Whether `share` makes copies. When not, it returns the same value each time. */
  readonly copyOnRead: boolean;
  /** Estimated memory of the value, and of what is needed to copy it. */
  readonly bytes: number;
  /** The value for one caller. */
  share(): unknown;
}

/** How a node reaches a caller: as it is, by a function that copies it, or not at all. */
type Plan = "as is" | "unknown" | (() => unknown);

/** Deeper values, and cyclic ones, are not shared. The codecs of this package carry less. */
const MAX_DEPTH = 1_100;

// What V8 allocates in Node 24, headers included.
const OBJECT_BYTES = 24;
const ARRAY_BYTES = 32;
const COLLECTION_BYTES = 200;
const COLLECTION_ITEM_BYTES = 40;
const LEAF_BYTES = 200;
const STRING_BYTES = 16;
const NUMBER_BYTES = 16;
/** A property of an object with so many that V8 keeps it as a dictionary, or with a key of its own. */
const DICTIONARY_FROM = 128;
const DICTIONARY_ITEM_BYTES = 40;
/** So many keys are remembered, and none longer than this. */
const MAX_KNOWN_KEYS = 1_024;
const MAX_KNOWN_KEY_LENGTH = 64;
/** A function that copies a container, and the list of what it has to copy. */
const CONTAINER_COPIER_BYTES = 240;
const COPIER_BYTES = 130;

/**
 * Prepares a value that a codec has decoded and nobody else holds. Objects and arrays are frozen in place and shared
 * as they are. What freezing does not protect (`Date`, `Map`, `Set`, binary data, `RegExp`) is copied for each
 * caller, and with it the containers that lead to it, frozen as well; everything beside that path stays shared.
 *
 * Returns `undefined` for a value that can be neither frozen nor copied faithfully, such as an instance of a class
 * (its private state is out of reach). It has to be decoded again for each caller; this one may be frozen in part.
 */
export function shareValue(value: unknown): SharedValue | undefined {
  const preparation = new Preparation();
  const plan = preparation.node(value, 0);
  const { bytes } = preparation;
  if (plan === "unknown") return undefined;
  if (plan === "as is") return { copyOnRead: false, bytes, share: () => value };
  return { copyOnRead: true, bytes, share: plan };
}

/** One walk: freezes what can be frozen, says how to copy the rest, adds up the bytes. */
class Preparation {
  bytes = 0;

  node(value: unknown, depth: number): Plan {
    switch (typeof value) {
      case "object":
        return value === null ? "as is" : this.#object(value, depth);
      case "string":
        this.bytes += STRING_BYTES + value.length * unitBytes(value);
        return "as is";
      case "number":
        // Small integers lie in the slot itself.
        if ((value | 0) !== value) this.bytes += NUMBER_BYTES;
        return "as is";
      case "bigint":
        this.bytes += 2 * NUMBER_BYTES;
        if (BigInt.asIntN(64, value) !== value) this.bytes += value.toString(16).length >> 1;
        return "as is";
      case "function":
        return "unknown";
      default:
        return "as is";
    }
  }

  #object(value: object, depth: number): Plan {
    if (depth > MAX_DEPTH) return "unknown";
    const prototype: object | null = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) {
      return this.#record(value as Record<string, unknown>, prototype, depth);
    }
    if (prototype === Array.prototype && Array.isArray(value)) return this.#array(value, depth);
    if (prototype === Map.prototype && types.isMap(value)) return this.#map(value, depth);
    if (prototype === Set.prototype && types.isSet(value)) return this.#set(value, depth);
    return this.#leaf(value, prototype);
  }

  #record(record: Record<string, unknown>, prototype: object | null, depth: number): Plan {
    const keys = Object.keys(record);
    this.bytes += OBJECT_BYTES + 8 * keys.length;
    if (keys.length > DICTIONARY_FROM || hasNewKeys(keys)) {
      for (const key of keys) this.bytes += DICTIONARY_ITEM_BYTES + 2 * key.length;
    }
    let copiers: [string, () => unknown][] | undefined;
    for (const key of keys) {
      const plan = this.node(record[key], depth + 1);
      if (plan === "as is") continue;
      if (plan === "unknown") return plan;
      copiers ??= [];
      copiers.push([key, plan]);
    }
    Object.freeze(record);
    if (copiers === undefined) return "as is";
    const changed = copiers;
    this.bytes += CONTAINER_COPIER_BYTES + COPIER_BYTES * changed.length;
    return () => {
      // Spreading defines properties: an own `__proto__` stays data, and the assignment below finds it own.
      const copy: Record<string, unknown> =
        prototype === null ? Object.assign(Object.create(null), record) : { ...record };
      for (const [key, copier] of changed) copy[key] = copier();
      return Object.freeze(copy);
    };
  }

  #array(array: unknown[], depth: number): Plan {
    this.bytes += ARRAY_BYTES + 8 * array.length;
    let copiers: [number, () => unknown][] | undefined;
    for (let index = 0; index < array.length; index++) {
      const plan = this.node(array[index], depth + 1);
      if (plan === "as is") continue;
      if (plan === "unknown") return plan;
      copiers ??= [];
      copiers.push([index, plan]);
    }
    Object.freeze(array);
    if (copiers === undefined) return "as is";
    const changed = copiers;
    this.bytes += CONTAINER_COPIER_BYTES + COPIER_BYTES * changed.length;
    return () => {
      const copy = array.slice();
      for (const [index, copier] of changed) copy[index] = copier();
      return Object.freeze(copy);
    };
  }

  /** Copies of maps, sets and leaves are not frozen: it would stop nobody, and a frozen `RegExp` cannot search. */
  #map(map: Map<unknown, unknown>, depth: number): Plan {
    this.bytes += COLLECTION_BYTES + COLLECTION_ITEM_BYTES * map.size;
    const flat: unknown[] = [];
    for (const [key, value] of map) flat.push(key, value);
    const copyFlat = this.#array(flat, depth);
    if (copyFlat === "unknown") return copyFlat;
    if (copyFlat === "as is") return () => new Map(map);
    return () => {
      const items = copyFlat() as unknown[];
      const copy = new Map<unknown, unknown>();
      for (let index = 0; index < items.length; index += 2) copy.set(items[index], items[index + 1]);
      return copy;
    };
  }

  #set(set: Set<unknown>, depth: number): Plan {
    this.bytes += COLLECTION_BYTES + COLLECTION_ITEM_BYTES * set.size;
    const copyItems = this.#array([...set], depth);
    if (copyItems === "unknown") return copyItems;
    return copyItems === "as is" ? () => new Set(set) : () => new Set(copyItems() as unknown[]);
  }

  #leaf(value: object, prototype: object | null): Plan {
    this.bytes += LEAF_BYTES;
    if (prototype === Date.prototype && types.isDate(value)) {
      const ms = value.getTime();
      return () => new Date(ms);
    }
    if (prototype === RegExp.prototype && types.isRegExp(value)) {
      const { lastIndex } = value;
      return () => Object.assign(new RegExp(value), { lastIndex });
    }
    if (prototype === ArrayBuffer.prototype && types.isArrayBuffer(value)) {
      this.bytes += value.byteLength;
      return () => value.slice(0);
    }
    if (types.isTypedArray(value) && !types.isSharedArrayBuffer(value.buffer)) {
      this.bytes += value.byteLength;
      if (prototype === Buffer.prototype) return () => Buffer.from(value as Buffer);
      // One of the standard classes, and none that extends them.
      const isStandard = Object.getPrototypeOf(prototype) === Object.getPrototypeOf(Uint8Array.prototype);
      if (isStandard) return () => value.slice();
    }
    return "unknown";
  }
}

/**
 * Keys of objects that were met lately. Those of rows are the same from value to value and lie in memory once; those of
 * objects by id are not, and take more than what they lead to.
 */
let knownKeys: Set<string> | undefined;

/** Whether an object has keys of its own, judged by three of them. Remembers all, for the next of its kind. */
function hasNewKeys(keys: readonly string[]): boolean {
  if (keys.length === 0) return false;
  knownKeys ??= new Set();
  const known = knownKeys;
  const last = keys.length - 1;
  if (known.has(keys[0]!) && known.has(keys[last >> 1]!) && known.has(keys[last]!)) return false;
  if (known.size >= MAX_KNOWN_KEYS) known.clear();
  for (const key of keys) if (key.length <= MAX_KNOWN_KEY_LENGTH) known.add(key);
  return true;
}

/** Bytes a character. Short texts are not looked at. */
function unitBytes(text: string): number {
  return text.length > 24 && !/[\u0100-\uffff]/.test(text) ? 1 : 2;
}

import { MAX_DEPTH } from "./tag-value.ts";

/** A tagged tree is deeper than its value: a container without a prototype takes two levels. */
const MAX_TREE_DEPTH = 2 * MAX_DEPTH + 2;
const TILDE = 126;

/**
 * Gives back the value that `tagValue` made the tree from. The tree is used up: its containers become those of the
 * value.
 *
 * @throws Error on a tree that `tagValue` cannot have made
 */
export function untagValue(tree: unknown): unknown {
  return untag(tree, 0);
}

function untag(node: unknown, depth: number): unknown {
  if (typeof node === "string") return node.charCodeAt(0) === TILDE ? untagText(node) : node;
  if (typeof node !== "object" || node === null) return node;
  if (depth > MAX_TREE_DEPTH) throw new Error("Nested deeper than anything that was written");
  if (Array.isArray(node)) return untagArray(node, depth);
  // Bytes, where the format has them.
  if (ArrayBuffer.isView(node)) return node;

  const object = node as Record<string, unknown>;
  for (const key in object) {
    const item = object[key];
    if (typeof item === "string") {
      if (item.charCodeAt(0) === TILDE) object[key] = untagText(item);
    } else if (typeof item === "object" && item !== null) {
      const value = untag(item, depth + 1);
      // Assigning to an own `__proto__`, as a parser defines it, finds it own and sets no prototype.
      if (value !== item) object[key] = value;
    }
  }
  return object;
}

function untagArray(array: unknown[], depth: number): unknown {
  const first = array[0];
  // No text and no scalar is tagged by one of these letters, so an array of the value never starts like this.
  const isContainer = typeof first === "string" && first.length === 2 && first.charCodeAt(0) === TILDE;
  switch (isContainer ? first : "") {
    case "~M":
      return new Map(untagPairs(array, depth));
    case "~S": {
      const set = new Set<unknown>();
      for (let index = 1; index < array.length; index++) set.add(untag(array[index], depth + 1));
      return set;
    }
    case "~O": {
      const object = untag(array[1], depth + 1);
      if (array.length !== 2 || !isRecord(object)) break;
      return Object.setPrototypeOf(object, null);
    }
    case "~E":
      // Defines properties, so `__proto__` is data here too.
      return Object.fromEntries(untagPairs(array, depth) as [string, unknown][]);
    case "~U": {
      const bytes = array[1];
      if (array.length !== 2 || !ArrayBuffer.isView(bytes)) break;
      return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    default:
      for (let index = 0; index < array.length; index++) array[index] = untag(array[index], depth + 1);
      return array;
  }
  throw new Error(`Malformed ${first as string}`);
}

function untagPairs(array: readonly unknown[], depth: number): [unknown, unknown][] {
  if (array.length % 2 === 0) throw new Error("A key without a value");
  const pairs: [unknown, unknown][] = [];
  for (let index = 1; index < array.length; index += 2) {
    pairs.push([untag(array[index], depth + 1), untag(array[index + 1], depth + 1)]);
  }
  return pairs;
}

function isRecord(value: unknown): value is object {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function untagText(text: string): unknown {
  const body = text.slice(2);
  switch (text.charAt(1)) {
    case "~":
      return `~${body}`;
    case "d":
      return untagDate(body);
    case "n":
      if (/^-?\d+$/.test(body)) return BigInt(body);
      break;
    case "_":
      if (body === "") return undefined;
      break;
    case "N":
      if (body === "") return Number.NaN;
      break;
    case "I":
      if (body === "") return Number.POSITIVE_INFINITY;
      break;
    case "i":
      if (body === "") return Number.NEGATIVE_INFINITY;
      break;
    case "0":
      if (body === "") return -0;
      break;
    case "b":
      return untagBase64(body);
    case "u":
      return new Uint8Array(untagBase64(body).buffer);
    case "r":
      return untagRegExp(body);
    case "j": {
      const original: unknown = JSON.parse(body);
      if (typeof original === "string") return original;
      break;
    }
  }
  throw new Error("Unknown tag");
}

function untagDate(body: string): Date {
  const date = new Date(body === "NaN" ? Number.NaN : Number(body));
  if (body !== "NaN" && (!/^-?\d+$/.test(body) || Number.isNaN(date.getTime())))
    throw new Error("Malformed date");
  return date;
}

/** In memory of their own: in a slab of Node's pool, 20 bytes that are kept would keep 64 KB. */
function untagBase64(body: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(body, "base64"));
  const written = bytes.write(body, "base64");
  // Node skips what is not base64; the length tells.
  if (written !== bytes.length || Math.ceil(written / 3) * 4 !== body.length)
    throw new Error("Malformed bytes");
  return bytes;
}

function untagRegExp(body: string): RegExp {
  const parts: unknown = JSON.parse(body);
  if (!Array.isArray(parts) || parts.length !== 3) throw new Error("Malformed expression");
  const [lastIndex, flags, source] = parts;
  if (!Number.isSafeInteger(lastIndex) || typeof flags !== "string" || typeof source !== "string") {
    throw new Error("Malformed expression");
  }
  const expression = new RegExp(source, flags);
  expression.lastIndex = lastIndex;
  return expression;
}

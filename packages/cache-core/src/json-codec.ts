import type { Codec, EncodedValue } from "./codec.ts";
import { UnserializableValueError } from "./errors.ts";
import { hasEscapedKey } from "./internal/has-escaped-key.ts";
import { type TagRules, tagValue } from "./internal/tag-value.ts";
import { untagValue } from "./internal/untag-value.ts";

/** The payload is JSON of the value itself. */
const PLAIN = 0;
/** The payload is JSON of the tree that `tagValue` made. */
const TAGGED = 1;

/**
 * JSON, and beyond it exactly: `Date`, `undefined` inside objects and arrays, `NaN`, `±Infinity`, `-0`, `BigInt`,
 * `Map`, `Set`, `Buffer`, `Uint8Array`, `RegExp` and objects without a prototype, however nested.
 *
 * A value that is JSON already, and none of whose keys needs an escape in it, is stored as such, readable by anything, and reading it is
 * `JSON.parse` and no more.
 * Instances of other classes, functions, symbols, cycles, holes in arrays and more than 512 levels are refused with
 * `UnserializableValueError` and the path of the culprit.
 */
export function jsonCodec(): Codec {
  const rules: TagRules = {
    bytes(value, isBuffer) {
      const base64 = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64");
      return `${isBuffer ? "~b" : "~u"}${base64}`;
    },
  };
  const rulesOfKeys: TagRules = { ...rules, changesKey: (key) => JSON.stringify(key).includes("\\") };
  return {
    id: 0,
    name: "json",
    encode(value) {
      const { tree, tagged } = tagValue(value, rules);
      const text = stringify(tree);
      if (!hasEscapedKey(text)) return new EncodedText(text, tagged ? TAGGED : PLAIN);
      return new EncodedText(stringify(tagValue(value, rulesOfKeys).tree), TAGGED);
    },
    decode(bytes, hint) {
      if (hint === PLAIN) return JSON.parse(bytes.toString());
      if (hint === TAGGED) return untagValue(JSON.parse(bytes.toString()));
      throw new Error(`Unknown hint ${hint}`);
    },
  };
}

/** Text, and its bytes for whoever asks. */
class EncodedText implements EncodedValue {
  readonly text: string;
  readonly hint: number;

  constructor(text: string, hint: number) {
    this.text = text;
    this.hint = hint;
  }

  get bytes(): Buffer {
    return Buffer.from(this.text);
  }
}

function stringify(tree: unknown): string {
  try {
    return JSON.stringify(tree);
  } catch (cause) {
    // Everything else was checked: the text would be longer than V8's strings get.
    throw new UnserializableValueError({ path: "$", kind: "too-large", cause });
  }
}

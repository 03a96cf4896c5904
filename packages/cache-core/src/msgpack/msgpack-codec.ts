import { Packr } from "msgpackr";
import type { Codec } from "../codec.ts";
import { type TagRules, tagValue } from "../internal/tag-value.ts";
import { untagValue } from "../internal/untag-value.ts";

/** The payload is MessagePack of the value itself. */
const PLAIN = 0;
/** The payload is MessagePack of the tree that `tagValue` made. */
const TAGGED = 1;

/**
 * MessagePack through msgpackr (an optional peer dependency). Carries and refuses exactly what `jsonCodec` does; bytes
 * are stored as bytes instead of base64. The payload uses the standard types only, so other languages can read it.
 */
export function msgpackCodec(): Codec {
  // No records: they are an extension of msgpackr, and its readers compile code for them. Bytes are copied on
  // reading, because a slice would keep the whole reply alive.
  const packr = new Packr({ useRecords: false, mapsAsObjects: true, copyBuffers: true });
  const rules: TagRules = {
    bytes: (value, isBuffer) =>
      isBuffer ? value : ["~U", Buffer.from(value.buffer, value.byteOffset, value.byteLength)],
    // MessagePack texts are UTF-8, which has no lone surrogates.
    changesText: hasLoneSurrogate,
    // msgpackr renames `__proto__`, calls `toJSON`, and looks at `constructor` to tell objects apart.
    changesKey: (key) =>
      key === "__proto__" || key === "toJSON" || key === "constructor" || hasLoneSurrogate(key),
  };
  return {
    id: 1,
    name: "msgpack",
    encode(value) {
      const { tree, tagged } = tagValue(value, rules);
      // A copy: msgpackr packs into a buffer that it goes on using.
      return { bytes: Buffer.from(packr.pack(tree)), hint: tagged ? TAGGED : PLAIN };
    },
    decode(bytes, hint) {
      if (hint === PLAIN) return packr.unpack(bytes);
      if (hint === TAGGED) return untagValue(packr.unpack(bytes));
      throw new Error(`Unknown hint ${hint}`);
    },
  };
}

function hasLoneSurrogate(text: string): boolean {
  // In every Node that is supported, but not yet in the ES2023 types.
  return !(text as string & { isWellFormed(): boolean }).isWellFormed();
}

import { describe, expect, it } from "vitest";
import { packBusEntry, readBusEntry } from "./bus-entry.ts";

const head = { line: "1795733553801000", number: 4711, bound: "" };

describe("an entry of the bus", () => {
  it.each(["", "1000:60000"])("is read as it was packed, bound %j", (bound) => {
    for (const message of ["", '{"o":"me"}', "two\nlines", " 5 6:7\n", "š😀"]) {
      const packed = packBusEntry({ ...head, bound }, Buffer.from(message)).toString("utf8");
      expect(readBusEntry(packed)).toEqual({ ...head, bound, message });
    }
  });

  it.each(["", "\n", "line\n", "line x\nm", "line 1", " 1\nm", "line 1 a b\nm"])(
    "has no line where the bytes are somebody else's: %j",
    (value) => {
      expect(readBusEntry(value)).toEqual({ line: "", number: Number.NaN, bound: "", message: "" });
    },
  );
});

import { expect, it } from "vitest";
import { readEntries } from "./read-entries.ts";

it("reads messages with their place on the line, and nothing out of what somebody else wrote", () => {
  expect(
    readEntries([
      ["5-0", ["m", "line 7 1000:60000\nmessage"]],
      ["6-0", ["m", "not of ours"]],
      ["7-0", ["other", "line 8\nmessage"]],
      ["8-0", []],
    ]),
  ).toEqual([
    { id: "5-0", line: "line", number: 7, message: "message" },
    { id: "6-0", line: "", number: Number.NaN, message: undefined },
    { id: "7-0", line: "", number: Number.NaN, message: undefined },
    { id: "8-0", line: "", number: Number.NaN, message: undefined },
  ]);
});

it("takes the reply of a stream that is not there for no entries", () => {
  expect(readEntries(null)).toEqual([]);
});

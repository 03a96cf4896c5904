import { expect, it, vi } from "vitest";
import { readMessages } from "./read-messages.ts";
import type { WireRecord } from "./records.ts";

const wire = (t: "i" | "o", id: string, scope = ""): WireRecord => ({
  ...{ t, id, sc: scope, ts: 1, in: "x", ev: [["u", "companies", id]], p: [], c: [] },
});
const message = (record: object, rest: object = {}): string =>
  JSON.stringify({ o: "me", ...rest, a: record });
const numbered = (messages: readonly (string | undefined)[]) =>
  messages.map((text, i) => ({ id: `${i}-0`, message: text }));

it("says at a record's place what became of it, and indexes the outcome alone", () => {
  const read = readMessages(
    numbered([
      message(wire("i", "1")),
      message(wire("i", "2")),
      JSON.stringify({ o: "me", k: ["companies:1"] }),
      message({ ...wire("o", "1"), n: 3 }, { k: ["companies:1"] }),
      message({ ...wire("o", "0"), n: 1 }),
    ]),
    "",
  );
  expect(read.map(({ id, indexed, noted }) => [id, indexed?.id, noted?.id, noted?.t, noted?.n])).toEqual([
    ["0-0", undefined, "1", "o", 3],
    ["1-0", "2", "2", "i", undefined],
    ["2-0", undefined, undefined, undefined, undefined],
    ["3-0", "1", "1", "o", 3],
    ["4-0", "0", "0", "o", 1],
  ]);
});

it("parses each unit once", () => {
  const parse = vi.spyOn(JSON, "parse");
  try {
    readMessages(
      numbered([
        message(wire("i", "1")),
        message(wire("i", "2")),
        message(wire("o", "2")),
        message(wire("o", "1")),
      ]),
      "",
    );
    expect(parse).toHaveBeenCalledTimes(2);
  } finally {
    parse.mockRestore();
  }
});

it("leaves out what is of another scope, foreign or damaged", () => {
  const damaged = message(wire("i", "3")).slice(0, -5);
  const texts = [
    ...[message(wire("i", "1", "other")), message(wire("o", "1", "other")), undefined, "", "{", damaged],
    ...[message({ t: "p", id: "4" }), message({ t: "i" }), message({}), '{"o":"me","a":{"t":"i","id":"'],
  ];
  for (const { indexed, noted } of readMessages(numbered(texts), ""))
    expect([indexed, noted]).toEqual([null, null]);
});

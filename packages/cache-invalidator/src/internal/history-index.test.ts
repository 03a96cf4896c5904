import { expect, it } from "vitest";
import { HistoryIndex } from "./history-index.ts";
import type { WireRecord } from "./records.ts";

const wire = (entity: string, id: string, actor?: string): WireRecord => ({
  ...{
    t: "i",
    id: `${entity}${id}${actor ?? ""}`,
    sc: "",
    ev: [["u", entity, id]],
    p: [],
    c: [],
    in: "x",
    ts: 0,
  },
  ...(actor === undefined ? {} : { a: actor }),
});

it("finds by entity, id, actor and age, newest first, and forgets the oldest", () => {
  const index = new HistoryIndex(3);
  index.add("1-0", wire("a", "1"));
  index.add("2-0", wire("a", "2", "ann"));
  index.add("2-1", null);
  index.add("3-0", wire("b", "1"));
  expect([...index.find({})]).toEqual(["3-0", "2-0", "1-0"]);
  expect([...index.find({ entityType: "a" })]).toEqual(["2-0", "1-0"]);
  expect([...index.find({ entityId: "1" })]).toEqual(["3-0", "1-0"]);
  expect([...index.find({ actor: "ann" })]).toEqual(["2-0"]);
  expect([...index.find({ event: "entity:deleted" })]).toEqual([]);
  expect([...index.find({ sinceMs: 3 })]).toEqual(["3-0"]);
  index.add("4-7", wire("a", "1"));
  expect([...index.find({ entityType: "a" })]).toEqual(["4-7", "2-0"]);
  expect(index.newest).toBe("4-7");
});

it("leaves out a record whose outcome came, and nothing that has taken its place", () => {
  const index = new HistoryIndex(4);
  const two: WireRecord = {
    ...wire("a", "1"),
    ev: [
      ["u", "a", "1"],
      ["u", "a", "2"],
    ],
  };
  index.add("1-0", two);
  index.add("2-0", wire("b", "1"));
  index.add("3-0", { ...two, t: "o" });
  expect([...index.find({})]).toEqual(["3-0", "2-0"]);
  // The outcome of the second comes when the ring has gone round.
  index.add("4-0", wire("c", "1"));
  index.add("4-1", wire("c", "2"));
  index.add("4-2", wire("c", "3"));
  index.add("5-0", { ...wire("b", "1"), t: "o" });
  expect([...index.find({})]).toEqual(["5-0", "4-2", "4-1", "4-0"]);
});

it("knows how many units it has a place of, and from where on it knows all", () => {
  const index = new HistoryIndex(4);
  const sent = (entity: string, count: number, t: "i" | "o" = "i"): WireRecord => ({
    ...wire(entity, ""),
    t,
    ev: Array.from({ length: count }, (_, n) => ["u", entity, String(n)] as const),
  });
  index.add("1-0", sent("a", 2));
  index.add("2-0", sent("b", 2));
  expect([index.units, index.oldest]).toEqual([2, undefined]);
  index.add("3-0", sent("a", 2, "o"));
  expect([index.units, index.oldest]).toEqual([2, "2-0"]);
  index.add("4-0", sent("c", 1));
  expect([index.units, index.oldest]).toEqual([3, "2-0"]);
  index.add("5-0", sent("d", 9));
  expect([index.units, index.oldest]).toEqual([1, "5-0"]);
  // The record of it is gone, with others: what became of it counts as one.
  index.add("6-0", sent("b", 1, "o"));
  index.add("7-0", sent("d", 9, "o"));
  expect([index.units, index.oldest]).toEqual([1, "7-0"]);
  index.add("8-0", sent("e", 1));
  index.add("8-1", sent("f", 3));
  expect([index.units, index.oldest]).toEqual([2, "8-0"]);
});

import { expect, it } from "vitest";
import { LocalHistory } from "./local-history.ts";
import type { WireRecord } from "./records.ts";

const wire = (id: number, t: "i" | "o" = "i", events = 1): WireRecord => ({
  ...{ t, id: String(id), sc: "", ts: id * 1_000, in: "x", p: [], c: [] },
  ev: Array.from({ length: events }, (_, n) => ["u", "companies", `${id}.${n}`] as const),
});
const ids = (history: LocalHistory, count = 100, oldestMs = 0): string[] =>
  history.latest(count, oldestMs).map(({ entityId }) => entityId);

it("keeps the latest, newest first, and counts all", () => {
  const history = new LocalHistory(3);
  for (let id = 1; id <= 100; id++) history.add(wire(id));
  history.add(wire(99, "o"));
  expect(ids(history)).toEqual(["100.0", "99.0", "98.0"]);
  expect(ids(history, 2)).toEqual(["100.0", "99.0"]);
  expect(ids(history, 100, 99_000)).toEqual(["100.0", "99.0"]);
  expect(history.latest(2, 0).map(({ status }) => status)).toEqual(["unfinished", "applied"]);
  expect(history.stats(100_000)).toMatchObject({ totalInvalidations: 100, byEntity: { companies: 100 } });
});

it("what becomes of a unit that has made room is neither counted again nor the newest", () => {
  const history = new LocalHistory(2);
  // Its own, at once; then they come by the bus, and what became of them.
  for (let id = 1; id <= 50; id++) history.add(wire(id));
  for (let id = 1; id <= 50; id++) history.add(wire(id));
  for (let id = 1; id <= 49; id++) history.add(wire(id, "o"));
  history.load(Array.from({ length: 50 }, (_, id) => ({ wire: wire(id + 1, "o"), isNew: true })));
  expect(history.stats(50_000).totalInvalidations).toBe(50);
  expect(ids(history)).toEqual(["50.0", "49.0"]);
});

it("keeps a unit as long as one of its events is among the latest", () => {
  const history = new LocalHistory(3);
  history.add(wire(1, "o", 2));
  history.add(wire(2, "o", 2));
  expect(ids(history)).toEqual(["2.1", "2.0", "1.1", "1.0"]);
  history.add(wire(3));
  expect(ids(history)).toEqual(["3.0", "2.1", "2.0"]);
});

it("is loaded again without losing or doubling a count, and with what was missed in its place", () => {
  const history = new LocalHistory(10);
  const load = (records: WireRecord[], isNew: (id: number) => boolean): void =>
    history.load(records.map((each) => ({ wire: each, isNew: isNew(Number(each.id)) })));
  history.add(wire(5));
  load([wire(1, "o"), wire(2, "o")], () => true);
  expect(ids(history)).toEqual(["5.0", "2.0", "1.0"]);
  expect(history.stats(0).totalInvalidations).toBe(3);
  // Cut off: its own sixth, and of others the third, fourth and, as it turns out, what became of the fifth.
  history.add(wire(6));
  load([wire(2, "o"), wire(3, "o"), wire(4, "o"), wire(5, "o")], (id) => id > 2);
  expect(history.stats(0)).toMatchObject({ totalInvalidations: 6, byEvent: { "entity:updated": 6 } });
  expect(ids(history)).toEqual(["6.0", "5.0", "4.0", "3.0", "2.0", "1.0"]);
  expect(history.latest(3, 0).map(({ status }) => status)).toEqual(["unfinished", "applied", "applied"]);
});

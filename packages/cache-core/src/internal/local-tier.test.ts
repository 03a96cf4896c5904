import { expect, it } from "vitest";
import type { ParsedEntry } from "../entry.ts";
import type { FollowHandlers, Store } from "../store.ts";
import { createFakeClock } from "../testing/create-fake-clock.ts";
import { encodeMessage } from "./coverage.ts";
import { LocalTier } from "./local-tier.ts";

const nothing = { keys: [], tags: [], ranges: [], soft: false };

function make() {
  let handlers: FollowHandlers | undefined;
  const store = {
    follow(_: string, given: FollowHandlers) {
      handlers = given;
      return { aliveUntil: Number.POSITIVE_INFINITY, started: Promise.resolve(), stop: async () => {} };
    },
  };
  const options = {
    ...{ maxEntries: 100, maxBytes: 1e6, maxEntryBytes: 1e6, ttlMs: 60_000, maxSilenceMs: 1_000 },
  };
  const flushes: string[] = [];
  const tier = new LocalTier(
    store as unknown as Store,
    "bus",
    "me",
    options,
    createFakeClock(),
    (reason) => flushes.push(reason),
    () => {},
  );
  return {
    tier,
    flushes,
    keep(key: string, tags: string[] = [], mark = tier.recent.mark) {
      const entry = { freshUntil: 60_000, expiresAt: 60_000, createdAt: 0, tags } as unknown as ParsedEntry;
      return tier.keep(key, entry, 1, mark, 0) !== undefined;
    },
    hear: (...messages: (string | undefined)[]) =>
      handlers?.onEntries(messages.map((message, i) => ({ id: `${i + 1}-0`, message }))),
    held: (...keys: string[]) => keys.filter((key) => tier.peek(key) !== undefined),
  };
}

it("applies a page as if its messages had come one by one, and what is said again once", () => {
  const { tier, keep, hear, held, flushes } = make();
  for (const key of ["a", "b", "list:1", "list:2", "tagged", "own"]) keep(key, key === "tagged" ? ["t"] : []);
  const mark = tier.recent.mark;
  const range = { prefix: "list:", skip: "", glob: "list:*1", scopes: false };
  const parts = { ...nothing, keys: ["a"], ranges: [range] };
  const others = Array.from({ length: 300 }, (_, n) => encodeMessage(`other-${n % 7}`, parts));
  hear(
    ...others,
    encodeMessage("other", { ...nothing, tags: ["t"], record: { t: "o" } }),
    encodeMessage("other", { ...nothing, record: { t: "i", k: ["b"] } }),
    encodeMessage("me", { ...nothing, keys: ["own"] }),
  );
  expect(held("a", "b", "list:1", "list:2", "tagged", "own")).toEqual(["b", "list:2", "own"]);
  // Two different ones were applied: reads that were under way know of them, whichever message they overtook.
  expect(tier.recent.mark - mark).toBe(2);
  expect([keep("a", [], mark), keep("list:1", [], mark), keep("x", ["t"], mark)]).toEqual([
    false,
    false,
    false,
  ]);
  expect(keep("b", [], mark)).toBe(true);
  expect(flushes).toEqual([]);
});

it.each([undefined, "", '{"o":"other","k":["x"}', '{"o":"other"', '{"o":"other",garbage}'])(
  "forgets everything at a message that it cannot read, wherever it stands: %j",
  (text) => {
    for (const place of [0, 1, 2]) {
      const { tier, keep, hear, held, flushes } = make();
      const mark = tier.recent.mark;
      keep("a");
      keep("b");
      const messages: (string | undefined)[] = [
        encodeMessage("other", { ...nothing, keys: ["a"] }),
        encodeMessage("other", { ...nothing, keys: ["z"] }),
      ];
      messages.splice(place, 0, text);
      hear(...messages);
      expect(held("a", "b")).toEqual([]);
      expect(flushes).toEqual(["a message of the bus could not be read"]);
      expect(keep("c", [], mark)).toBe(false);
    }
  },
);

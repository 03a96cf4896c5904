import { afterEach, expect, it, vi } from "vitest";

const { cache } = await import("../cache/index.ts");
const { createChangeFeed } = await import("./change-feed.ts");

afterEach(() => {
  vi.restoreAllMocks();
});

/** A feed of which the first subscription fails, with what it hears of the store. */
function startFeed() {
  const heard = new Map<unknown, (event: never) => void>();
  vi.spyOn(cache, "on").mockImplementation((event, listener) => {
    heard.set(event, listener as (event: never) => void);
    return () => {};
  });
  vi.spyOn(cache, "subscribe")
    .mockRejectedValueOnce(new Error("The store does not answer"))
    .mockResolvedValueOnce(async () => {});
  const feed = createChangeFeed();
  const told: string[] = [];
  const ended = vi.fn();
  return {
    feed,
    told,
    ended,
    hear: (event: "store:down" | "store:up") => heard.get(event)?.(undefined as never),
    follow: () => feed.follow(({ kind }) => told.push(kind), ended),
  };
}

it("keeps who comes while the store is away, and has them read again when it is back", async () => {
  const { feed, told, ended, hear, follow } = startFeed();
  hear("store:down");
  follow();
  await vi.waitFor(() => expect(cache.subscribe).toHaveBeenCalledTimes(1));
  await new Promise(setImmediate);
  expect(told).toEqual(["away"]);
  hear("store:up");
  await vi.waitFor(() => expect(told).toEqual(["away", "back", "resync"]));
  expect(ended).not.toHaveBeenCalled();
  feed.close();
  expect(ended).toHaveBeenCalledTimes(1);
});

it("ends where the subscription fails and nobody knows of a store that is away", async () => {
  const { feed, told, ended, follow } = startFeed();
  follow();
  await vi.waitFor(() => expect(ended).toHaveBeenCalledTimes(1));
  expect(told).toEqual([]);
  feed.close();
});

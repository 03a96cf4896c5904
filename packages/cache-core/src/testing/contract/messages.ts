import { type Chapter, deferred } from "./suite.ts";

/** publish and subscribe. */
export const messages: Chapter = ({ expect }, test) => {
  test("a message reaches every subscriber of the channel, as JSON, and no other", async (t) => {
    const [one, two] = [t.cache(), t.cache()];
    const heard: unknown[][] = [[], [], []];
    const stops = [
      await one.subscribe("news", (message) => heard[0]!.push(message)),
      await two.subscribe("news", (message) => heard[1]!.push(message)),
      await two.subscribe("other", (message) => heard[2]!.push(message)),
    ];
    for (const message of [{ a: [1, null] }, "text", 0, null]) await one.publish("news", message);
    await t.until(() => heard[0]!.length === 4 && heard[1]!.length === 4, "the messages");
    // In a Cluster messages may overtake one another.
    const texts = heard.map((each) => each.map((message) => JSON.stringify(message)).sort());
    const all = ['"text"', "0", "null", '{"a":[1,null]}'].sort();
    expect(texts).toEqual([all, all, []]);
    for (const stop of stops) await stop();
  });

  test("the function returned ends the subscription, once and for all", async (t) => {
    const cache = t.cache();
    // A channel of its own: in a Cluster a message of an earlier test may still be on its way between nodes.
    const heard: unknown[] = [];
    const stop = await cache.subscribe("ended", (message) => heard.push(message));
    const last = deferred();
    const stopLast = await cache.subscribe("ended", () => last.resolve());
    await stop();
    await stop();
    await cache.publish("ended", 1);
    await last.promise;
    expect(heard).toEqual([]);
    await stopLast();
  });

  test("a handler that throws or rejects hinders nobody", async (t) => {
    const cache = t.cache();
    const errors: unknown[] = [];
    cache.on("background:error", async ({ where }) => {
      errors.push(where);
      throw new Error("listener");
    });
    const stopOne = await cache.subscribe("throwing", () => {
      throw new Error("handler");
    });
    const stopRejecting = await cache.subscribe("throwing", async () => {
      throw new Error("asynchronous handler");
    });
    const heard = deferred<unknown>();
    const stopTwo = await cache.subscribe("throwing", heard.resolve);
    await cache.publish("throwing", 1);
    expect(await heard.promise).toBe(1);
    await t.until(() => errors.length === 2, "both errors");
    expect(errors).toEqual(["subscribe", "subscribe"]);
    await stopOne();
    await stopRejecting();
    await stopTwo();
  });

  test("what JSON cannot carry is refused", async (t) => {
    const cache = t.cache();
    await expect(cache.publish("news", undefined)).rejects.toMatchObject({ code: "UNDEFINED_VALUE" });
    await expect(cache.publish("news", { f() {} })).rejects.toMatchObject({ code: "UNSERIALIZABLE_VALUE" });
    await expect(cache.publish("news", { a: [1, { b: 5n }] })).rejects.toMatchObject({
      code: "UNSERIALIZABLE_VALUE",
      path: "$.a[1].b",
    });
    for (const lost of [new Map([["a", 1]]), new Set([1]), Number.NaN, /a/, Buffer.from("a"), [undefined]]) {
      await expect(cache.publish("news", { lost })).rejects.toMatchObject({
        code: "UNSERIALIZABLE_VALUE",
        path: Array.isArray(lost) ? "$.lost[0]" : "$.lost",
      });
    }
  });

  test("what JSON leaves out or writes as text arrives so", async (t) => {
    const cache = t.cache();
    const heard = deferred<unknown>();
    const stop = await cache.subscribe("news", heard.resolve);
    await cache.publish("news", { at: new Date(0), note: undefined, list: [null, 1.5] });
    expect(await heard.promise).toEqual({ at: "1970-01-01T00:00:00.000Z", list: [null, 1.5] });
    await stop();
  });
};

import { describe, expect, it } from "vitest";
import { createCache } from "./create-cache.ts";
import { memoryStore } from "./memory-store.ts";
import { sessionActions } from "./session-actions.ts";
import { createFakeClock } from "./testing/create-fake-clock.ts";

describe("sessionActions", () => {
  it("makes ids of 192 random bits, each only once", async () => {
    const cache = createCache({ store: memoryStore() }).extend(sessionActions());
    const ids = new Set<string>();
    for (let n = 0; n < 200; n++) ids.add((await cache.sessions.create("u", n, 60)).id);
    expect(ids.size).toBe(200);
    for (const id of ids) expect(id).toMatch(/^0\.[A-Za-z0-9_-]{32}$/);
    await cache.close();
  });

  it("rolls: touch prolongs by the TTL that the session was made with, from then on", async () => {
    const clock = createFakeClock();
    const cache = createCache({ store: memoryStore({ clock }), clock }).extend(sessionActions());
    const { id } = await cache.sessions.create("u", 1, 60);
    await clock.advance(59_000);
    expect(await cache.sessions.touch(id)).toBe(true);
    await clock.advance(59_000);
    expect(await cache.sessions.read(id)).not.toBe(null);
    await clock.advance(2_000);
    expect(await cache.sessions.read(id)).toBe(null);
    await cache.close();
  });

  it("takes the time at which a session was made from the server, whatever this process believes it to be there", async () => {
    const clock = createFakeClock();
    const inner = memoryStore({ clock });
    const hourAhead = { ...inner, serverNow: (key: string) => inner.serverNow(key) + 3_600_000 };
    const sound = createCache({ store: inner, clock }).extend(sessionActions()).sessions;
    const wrong = createCache({ store: hourAhead, clock }).extend(sessionActions()).sessions;
    const first = await wrong.create("u", 1, 60);
    expect(first.expiresAt.getTime() - first.createdAt.getTime()).toBe(60_000);
    await clock.advance(5);
    const second = await sound.create("u", 2, 60);
    expect((await sound.list("u")).map(({ id }) => id)).toEqual([first.id, second.id]);
    expect(await wrong.read(first.id)).toEqual(first);
    await inner.close();
  });

  it("lists the oldest first, and keeps data apart from what the caller does to it", async () => {
    const clock = createFakeClock();
    const cache = createCache({ store: memoryStore({ clock }), clock }).extend(sessionActions());
    const data = { roles: ["admin"] };
    const first = await cache.sessions.create("u", data, 600);
    data.roles.push("other");
    first.data.roles.push("more");
    await clock.advance(5);
    const second = await cache.sessions.create("u", null, 60);
    const listed = await cache.sessions.list<{ roles: string[] }>("u");
    expect(listed.map(({ id }) => id)).toEqual([first.id, second.id]);
    expect(listed[0]?.data).toEqual({ roles: ["admin"] });
    await cache.close();
  });
});

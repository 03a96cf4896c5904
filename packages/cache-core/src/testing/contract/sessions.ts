import type { Codec } from "../../codec.ts";
import { sessionActions } from "../../session-actions.ts";
import { type Chapter, listen, lose, makeForeign, overwriteEntry } from "./suite.ts";

/** A codec that reads nothing of the default one. */
const otherCodec: Codec = {
  id: 9,
  name: "other",
  encode: (value) => ({ bytes: Buffer.from(`!${JSON.stringify(value)}`), hint: 1 }),
  decode: (bytes) => JSON.parse(bytes.toString("utf8").slice(1)),
};

/** Sessions, and how extend() adds them. */
export const sessions: Chapter = ({ expect }, test) => {
  test("create, read, list and destroy", async (t) => {
    const one = t.cache().extend(sessionActions()).sessions;
    const two = t.cache().extend(sessionActions()).sessions;
    const made = await one.create("u1", { role: "admin", at: new Date(5) }, "1h");
    expect(made.id.length).toBeGreaterThan(31);
    expect(made).toMatchObject({ userId: "u1", data: { role: "admin", at: new Date(5) } });
    expect(Math.round((made.expiresAt.getTime() - made.createdAt.getTime()) / 1000)).toBe(3_600);
    const read = (await two.read(made.id))!;
    expect(read).toEqual({ ...made, expiresAt: read.expiresAt });
    const second = await one.create("u1", null, "1h");
    const other = await one.create("u2", 2, "1h");
    expect((await two.list("u1")).map(({ id }) => id).sort()).toEqual([made.id, second.id].sort());
    expect(await two.destroy(made.id)).toBe(true);
    expect(await two.destroy(made.id)).toBe(false);
    expect(await one.read(made.id)).toBe(null);
    expect(await one.destroyAll("u1")).toBe(1);
    expect(await one.destroyAll("u1")).toBe(0);
    expect(await one.list("u1")).toEqual([]);
    expect((await one.read(other.id))?.data).toBe(2);
    await one.destroyAll("u2");
  });

  test("a session ends by itself, and touch prolongs it", async (t) => {
    const { sessions } = t.cache().extend(sessionActions());
    const short = await sessions.create("u", 1, "60ms");
    await t.advance(80);
    expect(await sessions.read(short.id)).toBe(null);
    expect(await sessions.touch(short.id)).toBe(false);
    expect(await sessions.list("u")).toEqual([]);
    expect(await sessions.destroyAll("u")).toBe(0);
    const rolling = await sessions.create("u", 2, 60);
    await t.advance(20);
    expect(await sessions.touch(rolling.id)).toBe(true);
    const prolonged = (await sessions.read(rolling.id))!;
    expect(prolonged.expiresAt.getTime()).toBeGreaterThan(rolling.expiresAt.getTime() + 9);
    await sessions.destroyAll("u");
  });

  test("no invalidation ends a session, and none counts it", async (t) => {
    const cache = t.cache().extend(sessionActions());
    const { id } = await cache.sessions.create("u", 1, 60);
    expect((await cache.getStats()).keys).toBe(0);
    expect(await cache.clear()).toBe(0);
    expect(await cache.invalidatePattern("*")).toBe(0);
    expect(await cache.invalidateByTag("u")).toBe(0);
    expect(await cache.del(id, "u", `s:${id}`, `u:u`)).toBe(0);
    expect((await cache.sessions.read(id))?.userId).toBe("u");
    await cache.sessions.destroyAll("u");
  });

  test("users and ids are data, and scopes have their own", async (t) => {
    const cache = t.cache();
    const root = cache.extend(sessionActions()).sessions;
    const scoped = cache.scope("a").extend(sessionActions()).sessions;
    const users = ["*", "u|1", "{u}", "š 😀", "a:b", "u"];
    for (const user of users) await root.create(user, user, 60);
    const inside = await scoped.create("u", "inside", 60);
    for (const user of users) {
      const [only, ...more] = await root.list(user);
      expect(only).toMatchObject({ userId: user, data: user });
      expect(more).toEqual([]);
    }
    expect(await root.read(inside.id)).toBe(null);
    expect(await root.destroy(inside.id)).toBe(false);
    expect((await scoped.read(inside.id))?.userId).toBe("u");
    for (const user of users) expect(await root.destroyAll(user)).toBe(1);
    expect((await scoped.list("u")).length).toBe(1);
    for (const id of ["", "*", "x.y", "0.*", `0.${"a".repeat(32)}`]) expect(await root.read(id)).toBe(null);
    await scoped.destroyAll("u");
  });

  test("what is damaged, foreign or of another codec is no session, is told, and hides no other", async (t) => {
    const cache = t.cache().extend(sessionActions());
    const other = t.cache({ codec: otherCodec }).extend(sessionActions());
    const rejected = listen(cache, "session:rejected");
    const { keys } = cache.internals;
    const lane = `${keys.base}s${keys.hashTag(keys.bucketOf("u"))}`;
    const sound = await cache.sessions.create("u", { name: "sound" }, 60);
    const { id } = await cache.sessions.create("u", { name: "damaged", at: new Date(5) }, 60);
    const name = `${lane}:${id}`;
    const bytes = (await t.store.get(name))!;
    const altered = Buffer.from(bytes.toString("latin1").replace("damaged", "changed"), "latin1");
    const foreign = Buffer.from("of somebody else");
    for (const [is, reason] of [
      [altered, "damaged"],
      [bytes.subarray(0, -3), "damaged"],
      [foreign, "foreign"],
      [null, "foreign"],
    ] as const) {
      if (is === null) await t.store.run(makeForeign, [name], []);
      else await t.store.run(overwriteEntry, [name], [is]);
      expect(await cache.sessions.read(id)).toBe(null);
      expect((await cache.sessions.list("u")).map((session) => session.id)).toEqual([sound.id]);
      expect(rejected.splice(0)).toEqual([{ reason }, { reason }]);
    }
    await t.store.run(overwriteEntry, [name], [bytes]);
    expect((await cache.sessions.read(id))?.data).toEqual({ name: "damaged", at: new Date(5) });
    const foreigner = await other.sessions.create("v", 1, 60);
    expect((await other.sessions.read(foreigner.id))?.data).toBe(1);
    expect(await cache.sessions.read(foreigner.id)).toBe(null);
    expect(rejected).toEqual([{ reason: "codec" }]);
    // Ending one needs no codec.
    expect(await cache.sessions.destroyAll("v")).toBe(1);
    expect(await cache.sessions.destroyAll("u")).toBe(2);
  });

  test("a session that its user's list has lost is none: ending all of them would not find it", async (t) => {
    const cache = t.cache().extend(sessionActions());
    const { keys } = cache.internals;
    const { id } = await cache.sessions.create("u", 1, 60);
    await t.store.run(lose, [`${keys.base}u${keys.hashTag(keys.bucketOf("u"))}:u`], []);
    expect(await cache.sessions.destroyAll("u")).toBe(0);
    expect(await cache.sessions.read(id)).toBe(null);
    expect(await cache.sessions.touch(id)).toBe(false);
    const next = await cache.sessions.create("u", 2, 60);
    expect(await cache.sessions.read(id)).toBe(null);
    expect((await cache.sessions.list("u")).map((session) => session.id)).toEqual([next.id]);
    await cache.sessions.destroyAll("u");
  });

  test("extend adds what is new, and refuses to replace what is there", async (t) => {
    const cache = t.cache().extend(() => ({ double: (n: number) => 2 * n }));
    expect(cache.double(2)).toBe(4);
    const extended = cache.extend(sessionActions()).extend(() => ({ triple: (n: number) => 3 * n }));
    expect([extended.double(1), extended.triple(1), typeof extended.sessions.create]).toEqual([
      2,
      3,
      "function",
    ]);
    for (const taken of ["get", "double", "sessions", "namespace", "toString"]) {
      let error: unknown;
      try {
        extended.extend(() => ({ fresh: 1, [taken]: 1 }));
      } catch (caught) {
        error = caught;
      }
      expect(error, taken).toMatchObject({ code: "EXTEND_CONFLICT", names: [taken] });
      expect("fresh" in extended).toBe(false);
    }
  });
};

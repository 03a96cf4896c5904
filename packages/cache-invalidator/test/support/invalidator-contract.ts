import { type Cache, createCache, type Store, sessionActions, track } from "@crm/cache-core";
import { waitFor } from "@crm/testkit";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  type CacheInvalidator,
  type CacheInvalidatorOptions,
  createCacheInvalidator,
  InvalidationEvent,
} from "../../src/index.ts";
import { cyclicRules, preciseRules, tableRules } from "./rules.ts";

let namespaces = 0;

/** What an invalidator does on any store. */
export function describeInvalidator(name: string, makeStore: () => Store): void {
  describe(name, () => {
    let store: Store;
    let namespace: string;
    let closers: (() => Promise<void>)[];

    beforeEach(async () => {
      store = makeStore();
      await store.ready();
      namespace = `invalidator-${process.pid}-${++namespaces}`;
      closers = [];
    });
    afterEach(async () => {
      const last = createCache({ store, namespace });
      await last.clear();
      closers.unshift(() => last.close());
      for (const close of closers.reverse()) await close();
      await store.close();
    });

    function make(
      options: CacheInvalidatorOptions = {},
      cacheOptions: { memory?: boolean; logger?: Parameters<typeof createCache>[0]["logger"] } = {},
    ) {
      const cache = createCache({ store, namespace, ...cacheOptions }).extend(sessionActions());
      const invalidator = createCacheInvalidator(cache, { rules: tableRules, ...options });
      closers.push(
        () => cache.close(),
        () => invalidator.close(),
      );
      return { cache, invalidator };
    }
    const fill = (cache: Cache, ...keys: string[]) =>
      cache.setMany(keys.map((key) => ({ key, value: key, ttl: 60 })));
    async function left(cache: Cache, ...keys: string[]): Promise<string[]> {
      const values = await cache.getMany(keys);
      return keys.filter((_, i) => values[i] !== null);
    }

    it("an update takes the patterns of the entity and of those one step away, each key counted once", async () => {
      const { cache, invalidator } = make();
      const keys = [
        "companies:1",
        "companies:list:1",
        "companies:industries",
        "projects:1:tasks",
        "deals:open",
      ];
      await fill(cache, ...keys, "contacts:9", "quotes:1", "users:1");
      const { keysInvalidated } = await invalidator.invalidateOnUpdate("companies", "1", { name: "x" });
      expect(keysInvalidated).toBe(6);
      expect(await left(cache, ...keys, "contacts:9", "quotes:1", "users:1")).toEqual([
        "quotes:1",
        "users:1",
      ]);
      const [record] = invalidator.getHistory(1);
      expect(record).toMatchObject({
        event: "entity:updated",
        entityType: "companies",
        entityId: "1",
        keysInvalidated: 6,
        status: "applied",
        cascade: ["companies:1", "companies:1 > projects", "companies:1 > contacts", "companies:1 > deals"],
      });
      expect(record?.timestamp).toBeInstanceOf(Date);
      expect(record?.patternsInvalidated.slice(0, 3)).toEqual([
        "companies:*",
        "companies:list:*",
        "companies:industries",
      ]);
    });

    it("the cascade ends on the cyclic table, visits each (entity, id) once and counts each key once", async () => {
      const { cache, invalidator } = make({ cascadeDepth: 16 });
      const entities = "companies projects tasks milestones deals quotes contacts leads".split(" ");
      await fill(cache, ...entities.flatMap((entity) => [`${entity}:1`, `${entity}:list:1`]), "users:1");
      const { cascade } = await invalidator.plan({
        event: "entity:updated",
        entityType: "tasks",
        entityId: "7",
      });
      const visited = cascade.map((path) => path.split(" > ").at(-1));
      // The task that changed is an instance; the cascade comes back to its type, which is all of them.
      expect(visited.length).toBe(new Set(visited).size);
      expect(new Set(visited)).toEqual(new Set(["tasks:7", ...entities]));
      expect((await invalidator.invalidateOnUpdate("tasks", "7")).keysInvalidated).toBe(16);
      expect(await left(cache, "users:1")).toEqual(["users:1"]);
      const { invalidator: ring } = make({ rules: cyclicRules, cascadeDepth: 16 });
      const { cascade: steps } = await ring.plan({ event: "entity:updated", entityType: "a", entityId: "1" });
      expect(steps).toEqual(["a:1", "a:1 > b:1", "a:1 > b:1 > c:1"]);
    });

    it.each([0, 1, 4, 16])(
      "by instance, %i steps far: an update of the company * touches that one company",
      async (cascadeDepth) => {
        const { cache, invalidator } = make({
          rules: preciseRules,
          ...(cascadeDepth === 1 ? {} : { cascadeDepth }),
        });
        const others = [
          "companies:1",
          "companies:1:deals",
          "companies:x*",
          "deals:7",
          "projects:7",
          "projects:7:tasks",
        ];
        const lists =
          cascadeDepth === 0 ? ["companies:list:1"] : ["companies:list:1", "deals:stats", "projects:list:1"];
        await fill(cache, "companies:*", "companies:*:deals", ...lists, ...others);
        await invalidator.invalidateOnUpdate("companies", "*", { name: "Acme" });
        expect(await left(cache, "companies:*", "companies:*:deals", ...lists, ...others)).toEqual(others);
      },
    );

    it("an id of the longest kind, all of it wildcards, takes its own entries, also where data names it", async () => {
      const { cache, invalidator } = make({ rules: preciseRules });
      const id = "*".repeat(512);
      await fill(cache, `companies:${id}`, "companies:1", "deals:3");
      expect((await invalidator.invalidateOnUpdate("companies", id)).keysInvalidated).toBe(1);
      await fill(cache, `companies:${id}`);
      await invalidator.invalidateOnUpdate("deals", 3, { companyId: id, contactId: null });
      expect(await left(cache, `companies:${id}`, "companies:1")).toEqual(["companies:1"]);
      // What is longer than any id is none: all of the entity are meant.
      await invalidator.invalidateOnUpdate("deals", 3, { companyId: "x".repeat(2_000), contactId: null });
      expect(await left(cache, "companies:1", "deals:3")).toEqual([]);
    });

    it("related entities are found by the ids in the data, also as columns are called", async () => {
      const { cache, invalidator } = make({ rules: preciseRules });
      const all = ["companies:1", "companies:2", "quotes:5", "quotes:6", "deals:3"];
      await fill(cache, ...all);
      await invalidator.invalidateOnUpdate("deals", 3, { company_id: 1, quoteIds: [], contactId: null });
      expect(await left(cache, ...all)).toEqual(["companies:2", "quotes:5", "quotes:6"]);
      await invalidator.invalidateOnUpdate("deals", 3, { companyId: 2, contactId: null, quoteIds: [6] });
      expect(await left(cache, ...all)).toEqual(["quotes:5"]);
    });

    it.each([
      ["a bigint is an id", 7n, ["companies:7"]],
      ["a number that may have been rounded means all", 2 ** 53, ["companies:7", "companies:8"]],
      ["what is no number means all", [Number.NaN], ["companies:7", "companies:8"]],
    ])("ids in the data: %s", async (_, companyId, gone) => {
      const { cache, invalidator } = make({ rules: preciseRules });
      await fill(cache, "companies:7", "companies:8");
      await invalidator.invalidateOnUpdate("deals", "1", { companyId, contactIds: [], quoteIds: [] });
      const all = ["companies:7", "companies:8"];
      expect(await left(cache, ...all)).toEqual(all.filter((key) => !gone.includes(key)));
    });

    it("what the data does not name: all parents go, of children the lists; and a mapper finds the rest", async () => {
      const { cache, invalidator } = make({ rules: preciseRules });
      const all = ["companies:1", "companies:2", "quotes:5", "quotes:list:1", "deals:3", "deals:4"];
      await fill(cache, ...all);
      await invalidator.invalidateOnUpdate("deals", 3);
      expect(await left(cache, ...all)).toEqual(["quotes:5", "deals:4"]);
      await fill(cache, ...all);
      const asked: string[] = [];
      invalidator.registerRule("deals", {
        patterns: ["deals:{id}"],
        relatedEntities: [
          {
            entity: "quotes",
            whenUnknown: "nothing",
            ids: async ({ entityId }) => (entityId === "3" ? ["5"] : undefined),
          },
          { entity: "companies", whenUnknown: "nothing", ids: ({ entityId }) => void asked.push(entityId) },
        ],
      });
      await invalidator.invalidateOnUpdate("deals", 3);
      expect(await left(cache, ...all)).toEqual(["companies:1", "companies:2", "deals:4"]);
      await invalidator.invalidateOnUpdate("deals", 4);
      expect(await left(cache, ...all)).toEqual(["companies:1", "companies:2"]);
      expect(asked).toEqual(["3", "4"]);
      // What cannot be read, or asked, loses no invalidation: all are meant.
      invalidator.registerRule("deals", {
        patterns: [],
        relatedEntities: [{ entity: "companies", idFrom: "companyId" }],
      });
      const broken = {
        get companyId(): string {
          throw new Error("not loaded");
        },
      };
      await invalidator.invalidateOnUpdate("deals", 4, broken);
      expect(await left(cache, ...all)).toEqual([]);
    });

    it("a mapper that never answers means all of its entity, and holds nobody up", async () => {
      const { cache, invalidator } = make({ handlerTimeout: "100ms" });
      await fill(cache, "deals:3", "quotes:5");
      invalidator.registerRule("deals", {
        patterns: ["deals:{id}"],
        relatedEntities: [{ entity: "quotes", ids: () => new Promise(() => {}) }],
      });
      expect((await invalidator.invalidateOnUpdate("deals", 3)).keysInvalidated).toBe(2);
      expect(await left(cache, "deals:3", "quotes:5")).toEqual([]);
    });

    it.each([
      ["table", tableRules],
      ["precise", preciseRules],
    ])(
      "%s rules: updating user A, or a user *, leaves B logged in and B's permissions cached",
      async (_, rules) => {
        const { cache, invalidator } = make({ rules });
        const sessions = await Promise.all(
          ["A", "B", "*"].map((user) => cache.sessions.create(user, {}, "1h")),
        );
        const cached = ["A", "B", "*"].flatMap((user) => [
          `session:${user}`,
          `permissions:${user}`,
          `permissions:${user}:deals`,
        ]);
        await fill(cache, ...cached);
        await invalidator.invalidateOnUpdate("users", "A");
        expect(await left(cache, ...cached)).toEqual(cached.filter((key) => !/:A/.test(key)));
        await invalidator.invalidateOnUpdate("users", "*");
        expect(await left(cache, ...cached)).toEqual(["session:B", "permissions:B", "permissions:B:deals"]);
        for (const session of sessions) expect(await cache.sessions.read(session.id)).not.toBe(null);
        // Sessions end only with their user.
        await invalidator.invalidateOnDelete("users", "*");
        await invalidator.invalidateOnDelete("users", "A");
        const alive = await Promise.all(sessions.map(({ id }) => cache.sessions.read(id)));
        expect(alive.map((session) => session?.userId)).toEqual([undefined, "B", undefined]);
        expect(await left(cache, "session:B", "permissions:B")).toEqual(["session:B", "permissions:B"]);
        expect(invalidator.getHistory(1)[0]?.sessionsEnded).toBe(1);
      },
    );

    it("sessions end with their user also where the cache has none, as in a worker that invalidates", async () => {
      const { cache } = make();
      const worker = createCache({ store, namespace });
      const invalidator = createCacheInvalidator(worker, { rules: tableRules });
      closers.push(
        () => worker.close(),
        () => invalidator.close(),
      );
      const [a, b] = await Promise.all(["A", "B"].map((user) => cache.sessions.create(user, {}, "1h")));
      await invalidator.invalidateOnDelete("users", "A");
      expect(await cache.sessions.read(a?.id ?? "")).toBe(null);
      expect((await cache.sessions.read(b?.id ?? ""))?.userId).toBe("B");
      expect(invalidator.getHistory(1)[0]?.sessionsEnded).toBe(1);
    });

    it("what depends on the entity goes, and nothing else of its kind", async () => {
      const { cache, invalidator } = make({ dependencies: "only" });
      const read = (id: string) => async () => {
        track("companies", id);
        return id;
      };
      await cache.getOrSet("report:1", read("1"), 60);
      await cache.getOrSet("report:2", read("2"), { ttl: 60, dependsOn: ["users"] });
      await fill(cache, "companies:1");
      const { keysInvalidated } = await invalidator.invalidateOnUpdate("companies", "1");
      expect(keysInvalidated).toBe(1);
      expect(await left(cache, "report:1", "report:2", "companies:1")).toEqual(["report:2", "companies:1"]);
      expect((await invalidator.explain("report:1")).removedBy[0]).toMatchObject({
        because: "depends on companies:1",
        entityId: "1",
      });
      // Of a collection: any of it. Scoped rules hold all the same.
      await fill(cache, "permissions:7", "permissions:8");
      await invalidator.invalidateOnCreate("users", "7");
      expect(await left(cache, "report:2", "permissions:7", "permissions:8")).toEqual(["permissions:8"]);
    });

    it("rules and dependencies together take an entry once; a rule may say otherwise for its entity", async () => {
      const { cache, invalidator } = make({
        rules: { ...tableRules, leads: { patterns: ["leads:*"], dependencies: "off" } },
      });
      await cache.set("companies:1", 1, { ttl: 60, dependsOn: [["companies", "1"], "leads"] });
      expect((await invalidator.invalidateOnUpdate("leads", "1")).keysInvalidated).toBe(0);
      expect((await invalidator.invalidateOnUpdate("companies", "1")).keysInvalidated).toBe(1);
    });

    it("a soft rule marks stale, and what both kinds cover is removed", async () => {
      const { cache, invalidator } = make({
        rules: {
          reports: { patterns: ["reports:*", "*:1"], soft: true, relatedEntities: ["stats"] },
          stats: { patterns: ["stats:*"] },
        },
      });
      for (const key of ["reports:1", "reports:2", "stats:1"])
        await cache.set(key, 1, { ttl: 60, staleTtl: 60 });
      const planned = await invalidator.plan({
        event: "entity:updated",
        entityType: "reports",
        entityId: "1",
      });
      expect(planned.keys.map(({ key, soft }) => [key, soft])).toEqual([
        ["reports:1", true],
        ["reports:2", true],
        ["stats:1", false],
      ]);
      expect((await invalidator.invalidateOnUpdate("reports", "1")).keysInvalidated).toBe(3);
      expect((await cache.lookup("reports:1"))?.state).toBe("stale");
      expect(await cache.lookup("stats:1")).toBe(undefined);
      expect((await invalidator.invalidateOnUpdate("reports", "1")).keysInvalidated).toBe(0);
    });

    it("a soft rule marks stale what depends on its entity, too, and what others remove is removed", async () => {
      const { cache, invalidator } = make({
        rules: {
          reports: { patterns: [], soft: true, relatedEntities: ["stats"] },
          stats: { patterns: ["stats:*"] },
        },
      });
      const entries = {
        page: ["reports", "1"],
        "stats:1": ["reports", "1"],
        other: ["reports", "2"],
      } as const;
      for (const [key, dependency] of Object.entries(entries)) {
        await cache.set(key, 1, { ttl: 60, staleTtl: 60, dependsOn: [dependency] });
      }
      const event = { event: "entity:updated", entityType: "reports", entityId: "1" } as const;
      expect((await invalidator.plan(event)).keys).toEqual([
        { key: "page", soft: true, reasons: ["depends on reports:1"] },
        {
          key: "stats:1",
          soft: false,
          reasons: ["pattern stats:* (reports:1 > stats)", "depends on reports:1"],
        },
      ]);
      expect((await invalidator.apply(event)).keysInvalidated).toBe(2);
      const states = await Promise.all(["page", "stats:1", "other"].map((key) => cache.lookup(key)));
      expect(states.map((entry) => entry?.state)).toEqual(["stale", undefined, "fresh"]);
      expect((await invalidator.explain("page")).removedBy).toMatchObject([
        { because: "depends on reports:1" },
      ]);
      expect((await invalidator.apply(event)).keysInvalidated).toBe(0);
    });

    it("invalidateBatch is one invalidation, with a record for each id", async () => {
      const { cache, invalidator } = make({ rules: preciseRules, cascadeDepth: 0 });
      await fill(cache, "companies:id1", "companies:id2", "companies:id3", "companies:id4");
      const ids = ["id1", "id2", "id3"];
      await invalidator.invalidateBatch(InvalidationEvent.ENTITY_UPDATED, "companies", ids);
      expect(await left(cache, "companies:id1", "companies:id2", "companies:id3", "companies:id4")).toEqual([
        "companies:id4",
      ]);
      const history = invalidator.getHistory(10);
      expect(history.map(({ entityId }) => entityId)).toEqual(["id3", "id2", "id1"]);
      expect(history.reduce((sum, { keysInvalidated }) => sum + keysInvalidated, 0)).toBe(3);
      expect(new Set(history.map(({ unit }) => unit)).size).toBe(1);
    });

    it("a unit of work is sent as one after it succeeded, and not at all after a throw", async () => {
      const { cache, invalidator } = make();
      await fill(cache, "companies:1", "leads:1");
      const rolledBack = invalidator.batch(async () => {
        await invalidator.invalidateOnUpdate("companies", "1");
        throw new Error("rolled back");
      });
      await expect(rolledBack).rejects.toThrow("rolled back");
      expect(await left(cache, "companies:1", "leads:1")).toEqual(["companies:1", "leads:1"]);
      expect(invalidator.getHistory()).toEqual([]);
      const value = await invalidator.batch(async () => {
        expect(await invalidator.invalidateOnUpdate("companies", "1")).toMatchObject({ deferred: true });
        await invalidator.batch(() => invalidator.invalidateOnUpdate("companies", "1"));
        await invalidator.invalidateOnCreate("leads", "1");
        expect(await left(cache, "companies:1", "leads:1")).toEqual(["companies:1", "leads:1"]);
        return 7;
      });
      expect(value).toBe(7);
      expect(await left(cache, "companies:1", "leads:1")).toEqual([]);
      const history = invalidator.getHistory();
      expect(history.map(({ entityType }) => entityType)).toEqual(["leads", "companies"]);
      expect(new Set(history.map(({ unit }) => unit)).size).toBe(1);
    });

    it("an inner batch that throws is not sent, though the outer one goes on; what comes after its end is the outer one's", async () => {
      const { cache, invalidator } = make();
      await fill(cache, "companies:1", "leads:1", "quotes:1", "users:1");
      let later: Promise<unknown> | undefined;
      await invalidator.batch(async () => {
        await invalidator.invalidateOnCreate("leads", "1");
        const inner = invalidator.batch(async () => {
          await invalidator.batch(() => invalidator.invalidateOnUpdate("companies", "1"));
          await new Promise<void>((resolve) => {
            later = new Promise<void>((after) => setTimeout(after, 5)).then(() =>
              invalidator.invalidateOnUpdate("users", "1"),
            );
            resolve();
          });
          throw new Error("back to the savepoint");
        });
        await expect(inner).rejects.toThrow("back to the savepoint");
        expect(await later).toMatchObject({ deferred: true });
        await expect(
          invalidator.batch(async () => {
            await invalidator.batch(async () => {
              await invalidator.invalidateOnUpdate("quotes", "1");
            });
            throw new Error("so is its inner one");
          }),
        ).rejects.toThrow("so is its inner one");
      });
      expect(invalidator.getHistory().map(({ entityType }) => entityType)).toEqual(["users", "leads"]);
      expect(await left(cache, "companies:1", "leads:1", "quotes:1", "users:1")).toEqual([
        "companies:1",
        "quotes:1",
      ]);
      // An outer one that throws takes along what its inner ones had done.
      const outer = invalidator.batch(async () => {
        await invalidator.batch(() => invalidator.invalidateOnUpdate("companies", "1"));
        throw new Error("all of it");
      });
      await expect(outer).rejects.toThrow("all of it");
      expect(await left(cache, "companies:1")).toEqual(["companies:1"]);
    });

    it("events that are sent together take what each takes alone", async () => {
      const { cache, invalidator } = make({
        rules: {
          companies: {
            patterns: ["companies:{id}"],
            relatedEntities: [{ entity: "deals", idFrom: "dealIds", whenUnknown: "collections" }],
          },
          deals: { patterns: ["deals:{id}", "deals:list"] },
          quotes: { patterns: ["quotes:{id}"], relatedEntities: ["deals"] },
          notes: { patterns: ["notes:{id}"], dependencies: "only" },
          calls: { patterns: ["calls:{id}"], relatedEntities: [{ entity: "notes", idFrom: "noteId" }] },
        },
      });
      await fill(cache, "deals:7", "deals:list", "notes:3");
      await invalidator.batch(async () => {
        // Of the deals this one takes the list, and the next one all.
        await invalidator.invalidateOnUpdate("companies", "1");
        await invalidator.invalidateOnUpdate("quotes", "5");
        // Of note 3 this one takes what depends on it, and the next one its patterns.
        await invalidator.invalidateOnUpdate("notes", "3");
        await invalidator.invalidateOnUpdate("calls", "9", { noteId: 3 });
      });
      expect(await left(cache, "deals:7", "deals:list", "notes:3")).toEqual([]);
    });

    it("a batch takes any number of events", async () => {
      const { invalidator } = make();
      const many = Array.from({ length: 200_000 }, (_, n) => n);
      const work = invalidator.batch(async () => {
        await invalidator.batch(() => invalidator.invalidateBatch("entity:updated", "leads", many));
        throw new Error("rolled back");
      });
      await expect(work).rejects.toThrow("rolled back");
    });

    it("events that are sent together keep their actors and causes, and a handler runs once for equal ones", async () => {
      const { cache, invalidator } = make();
      const handled: unknown[] = [];
      invalidator.registerRule("leads", {
        patterns: ["leads:*"],
        customHandler: (id, data) => handled.push([id, data]),
      });
      await invalidator.batch(async () => {
        await invalidator.invalidateOnUpdate("leads", "1", { x: 1 }, { actor: "ann", cause: "import" });
        await invalidator.invalidateOnUpdate("leads", "1", { x: 2 }, { actor: "bob" });
        await invalidator.invalidateOnUpdate("leads", "2");
      });
      expect(handled).toEqual([
        ["1", { x: 2 }],
        ["2", undefined],
      ]);
      const said = ({ entityId, actor, cause }: { entityId: string; actor?: unknown; cause?: unknown }) =>
        [entityId, actor, cause] as const;
      const expected = [
        ["2", undefined, undefined],
        ["1", "bob", undefined],
        ["1", "ann", "import"],
      ];
      expect(invalidator.getHistory().map(said)).toEqual(expected);
      // Another process finds them by the index of the whole history.
      const other = createCacheInvalidator(cache);
      await other.ready();
      await waitFor(async () => (await other.queryHistory()).length === 3);
      expect((await other.queryHistory()).map(said)).toEqual(expected);
      expect((await other.queryHistory({ actor: "bob" })).map(said)).toEqual([expected[1]]);
      expect((await other.queryHistory({ cause: "import" })).map(said)).toEqual([expected[2]]);
      await other.close();
    });

    it("a custom handler gets the id and the data; one that throws or hangs is reported and stops nobody", async () => {
      const { cache, invalidator } = make({ handlerTimeout: "50ms" });
      const errors: unknown[] = [];
      cache.on("background:error", ({ error }) => errors.push(error));
      await fill(cache, "special:1", "a:1", "b:1", "c:1");
      invalidator.registerRule("a", {
        patterns: ["a:*"],
        customHandler: async (entityId, data) => {
          expect(data).toEqual({ x: 1 });
          await cache.del(`special:${entityId}`);
        },
      });
      const thrown = new Error("handler");
      invalidator.registerRule("b", {
        patterns: ["b:*"],
        customHandler: () => {
          throw thrown;
        },
      });
      invalidator.registerRule("c", { patterns: ["c:*"], customHandler: () => new Promise(() => {}) });
      await invalidator.invalidateOnUpdate("a", "1", { x: 1 });
      await invalidator.invalidateOnUpdate("b", "1");
      await invalidator.invalidateOnUpdate("c", "1");
      expect(await left(cache, "special:1", "a:1", "b:1", "c:1")).toEqual([]);
      expect(errors).toEqual([thrown, expect.objectContaining({ code: "HANDLER_TIMEOUT" })]);
      expect(invalidator.getHistory().map(({ failedHandlers }) => failedHandlers)).toEqual([1, 1, 0]);
    });

    it("handlers that invalidate one another's entities, or their own, end", async () => {
      const { cache, invalidator } = make({ handlerTimeout: "5s" });
      const calls: string[] = [];
      for (const [entity, other] of [
        ["a", "b"],
        ["b", "a"],
      ] as const) {
        invalidator.registerRule(entity, {
          patterns: [`${entity}:{id}`],
          customHandler: async (id) => {
            calls.push(`${entity}:${id}`);
            await cache.set(`${entity}:${id}`, "made by the handler", 60);
            await invalidator.invalidateOnUpdate(other, id);
          },
        });
      }
      await invalidator.invalidateOnUpdate("a", "1");
      expect(calls).toEqual(["a:1", "b:1"]);
      // The last invalidation of a:1 is applied, though its handler is not called again.
      expect(await left(cache, "a:1", "b:1")).toEqual(["b:1"]);
      expect(invalidator.getHistory().map(({ failedHandlers }) => failedHandlers)).toEqual([0, 0, 0]);
      // Another event of the same entity, and the same one later, have their handlers.
      await Promise.all([invalidator.invalidateOnUpdate("a", "2"), invalidator.invalidateOnUpdate("a", "1")]);
      expect(calls.slice(2).sort()).toEqual(["a:1", "a:2", "b:1", "b:2"]);
    });

    it("a related entity without a rule goes by its name, with one warning when the rule is registered", async () => {
      const warn = vi.fn();
      const logger = { debug() {}, info() {}, warn, error() {} };
      const { cache, invalidator } = make({}, { logger });
      expect(warn).not.toHaveBeenCalled();
      for (let i = 0; i < 2; i++) {
        invalidator.registerRule("custom_entity", {
          patterns: ["custom_entity:*"],
          relatedEntities: ["other_entity"],
        });
      }
      expect(warn).toHaveBeenCalledTimes(1);
      await fill(cache, "custom_entity:1", "other_entity:5", "other:1");
      expect((await invalidator.invalidateOnUpdate("custom_entity", "1")).keysInvalidated).toBe(2);
      expect(await left(cache, "other:1")).toEqual(["other:1"]);
    });

    it("history and statistics are there at once, of all processes, and survive a restart", async () => {
      const one = make();
      const two = make();
      await Promise.all([one.invalidator.ready(), two.invalidator.ready()]);
      await one.invalidator.invalidateOnCreate("companies", "1", {}, { actor: "ann", cause: "import" });
      await one.invalidator.invalidateOnUpdate("users", "2", {}, { actor: "bob" });
      expect(one.invalidator.getStats()).toMatchObject({
        totalInvalidations: 2,
        byEvent: { "entity:created": 1, "entity:updated": 1, "entity:deleted": 0 },
        byEntity: { companies: 1, users: 1 },
        recentInvalidations: 2,
      });
      await waitFor(() => two.invalidator.getHistory(1)[0]?.status === "applied", {
        description: "the other process",
      });
      expect(two.invalidator.getHistory().map(({ entityType }) => entityType)).toEqual([
        "users",
        "companies",
      ]);
      expect(two.invalidator.getStats().totalInvalidations).toBe(2);
      await one.invalidator.close();
      await two.invalidator.close();
      const { invalidator } = make();
      await invalidator.ready();
      expect(invalidator.getHistory().map(({ status, entityId }) => [status, entityId])).toEqual([
        ["applied", "2"],
        ["applied", "1"],
      ]);
      const query = async (filter: Parameters<CacheInvalidator["queryHistory"]>[0]) =>
        (await invalidator.queryHistory(filter)).map(({ entityId }) => entityId);
      expect(await query({})).toEqual(["2", "1"]);
      expect(await query({ limit: 1 })).toEqual(["2"]);
      expect(await query({ actor: "ann" })).toEqual(["1"]);
      expect(await query({ cause: "import", entityType: "companies", event: "entity:created" })).toEqual([
        "1",
      ]);
      expect(await query({ entityType: "companies", entityId: "2" })).toEqual([]);
      expect(await query({ instance: one.cache.internals.instance })).toEqual(["2", "1"]);
      expect(await query({ since: new Date(Date.now() + 60_000) })).toEqual([]);
      expect(await query({ until: new Date(Date.now() - 60_000) })).toEqual([]);
    });

    it("what was sent together is found as long as it is kept, however many events that were", async () => {
      const { cache, invalidator } = make({ history: { maxRecords: 10 } });
      await invalidator.ready();
      await fill(cache, "users:list:1");
      const ids = (unit: number) => Array.from({ length: 30 }, (_, n) => `${unit}.${n}`);
      for (let unit = 1; unit <= 5; unit++) {
        await invalidator.invalidateBatch("entity:updated", unit === 1 ? "users" : "leads", ids(unit));
      }
      // From memory and from the bus alike, also for one that was there before and one that has come since.
      const { invalidator: another } = make({ history: { maxRecords: 10 } });
      await another.ready();
      for (const each of [invalidator, another]) {
        for (const entityId of ["1.0", "1.29", "3.7", "5.0"]) {
          expect((await each.queryHistory({ entityId })).map((record) => record.entityId)).toEqual([
            entityId,
          ]);
        }
        expect((await each.queryHistory({ limit: 1_000 })).length).toBe(150);
        expect((await each.explain("users:list:1")).removedBy.map(({ entityType }) => entityType)).toEqual([
          "users",
        ]);
      }
    });

    it("explain names the event and the pattern that took a key", async () => {
      const { cache, invalidator } = make();
      await fill(cache, "companies:list:1");
      await invalidator.invalidateOnUpdate("deals", "3");
      await invalidator.invalidateOnUpdate("users", "3");
      const { removedBy } = await invalidator.explain("companies:list:1");
      expect(removedBy.map(({ entityType, entityId, because }) => [entityType, entityId, because])).toEqual([
        ["deals", "3", "pattern companies:*"],
      ]);
      expect((await invalidator.explain("nobody")).removedBy).toEqual([]);
    });

    it("every invalidation is published for outside listeners", async () => {
      const { cache, invalidator } = make();
      const heard: unknown[] = [];
      const stop = await cache.subscribe("cache:invalidation", (message) => heard.push(message));
      await invalidator.invalidateOnDelete("leads", "9");
      const ours = () =>
        heard.filter((message) => (message as { namespace: string }).namespace === namespace);
      await waitFor(() => ours().length === 1, { description: "the message" });
      expect(ours()[0]).toMatchObject({
        events: [{ event: "entity:deleted", entityType: "leads", entityId: "9" }],
        keysInvalidated: 0,
      });
      await stop();
    });

    it("closing waits for what is under way: it is published and on record; a handler may close, too", async () => {
      const { invalidator } = make();
      const { cache, invalidator: another } = make();
      const heard: unknown[] = [];
      await cache.subscribe("cache:invalidation", (message) => void heard.push(message));
      await another.ready();
      invalidator.registerRule("invoices", {
        patterns: ["invoices:*"],
        customHandler: () => invalidator.close(),
      });
      const going = [
        invalidator.invalidateOnDelete("users", "1"),
        invalidator.invalidateOnUpdate("invoices", "1"),
      ];
      await invalidator.close();
      await Promise.all(going);
      await waitFor(() => heard.length === 2);
      await waitFor(async () => {
        const found = await another.queryHistory();
        return found.length === 2 && found.every(({ status }) => status === "applied");
      });
    });

    it("another process drops what it holds in memory", async () => {
      const { invalidator } = make();
      const { cache: other } = make({}, { memory: true });
      await other.getOrSet("companies:1", () => 1, 60);
      await waitFor(
        async () => {
          await other.get("companies:1");
          return ((await other.getStats()).l1?.hits ?? 0) > 0;
        },
        { description: "a hit in memory" },
      );
      await invalidator.invalidateOnUpdate("companies", "1");
      await waitFor(async () => (await other.get("companies:1")) === null, {
        description: "the other process",
      });
    });

    it("a scope's history and invalidations are its own", async () => {
      const { cache, invalidator } = make();
      const tenant = cache.scope("acme");
      const theirs = createCacheInvalidator(tenant, { rules: tableRules });
      closers.push(() => theirs.close());
      await Promise.all([fill(cache, "companies:1"), fill(tenant, "companies:1", "companies:2")]);
      expect((await theirs.invalidateOnUpdate("companies", "1")).keysInvalidated).toBe(2);
      expect(await left(cache, "companies:1")).toEqual(["companies:1"]);
      expect(await invalidator.queryHistory()).toEqual([]);
      expect((await theirs.queryHistory()).length).toBe(1);
      expect((await invalidator.invalidateOnUpdate("companies", "1")).keysInvalidated).toBe(1);
      expect(theirs.getHistory().length).toBe(1);
    });

    it("input is checked before anything is done", async () => {
      const { cache, invalidator } = make();
      await fill(cache, "companies:1");
      const bad = { event: "entity:updated", entityType: "companies", entityId: "1" } as const;
      for (const [field, value] of [
        ["event", "updated"],
        ["entityType", ""],
        ["entityId", "a\u0000"],
        ["entityId", undefined],
        ["entityId", "x".repeat(600)],
        ["entityId", 2 ** 53],
        ["actor", 7],
      ] as const) {
        await expect(invalidator.apply([bad, { ...bad, [field]: value } as never])).rejects.toMatchObject({
          code: "INVALID_EVENT",
          field,
        });
      }
      for (const filter of [
        { limit: 0 },
        { since: "today" },
        { until: new Date(Number.NaN) },
        { event: "x" },
        { actor: 7 },
        { since: new Date(2), until: new Date(1) },
        { entityType: "" },
        null,
      ]) {
        await expect(invalidator.queryHistory(filter as never), JSON.stringify(filter)).rejects.toMatchObject(
          {
            code: "INVALID_OPTION",
          },
        );
      }
      expect(await invalidator.queryHistory({ entityId: 7 } as never)).toEqual([]);
      for (const count of [-1, 1.5, Number.NaN, "3"]) {
        expect(() => invalidator.getHistory(count as number)).toThrow(/count/);
      }
      for (const rule of [
        { soft: "yes" },
        { dependencies: "maybe" },
        { endsSessions: "x" },
        { scoped: 1 },
        { relatedEntites: ["y"] },
      ]) {
        expect(() => invalidator.registerRule("x", { patterns: [], ...rule } as never)).toThrow(/rules\.x\./);
      }
      for (const options of [null, 7, { history: 7 }, { rules: null }]) {
        expect(() => createCacheInvalidator(cache, options as never)).toThrow(/expected an object/);
      }
      await expect(
        invalidator.invalidateOnUpdate("companies", "1", {}, "ann" as never),
      ).rejects.toMatchObject({
        code: "INVALID_EVENT",
        field: "context",
      });
      await expect(invalidator.invalidateBatch("updated" as never, "companies", [])).rejects.toMatchObject({
        code: "INVALID_EVENT",
        field: "event",
      });
      await expect(invalidator.explain("")).rejects.toMatchObject({ code: "INVALID_KEY" });
      await expect(invalidator.explain("a", 0)).rejects.toMatchObject({ code: "INVALID_OPTION" });
      await expect(invalidator.batch("work" as never)).rejects.toMatchObject({ code: "INVALID_OPTION" });
      for (const relation of [
        { entity: "y", whenUnknown: "some" },
        { entity: "y", idFrom: 7 },
        { entity: "y", ids: "z" },
        { entity: "y", idFrm: "z" },
        { entity: "" },
        null,
        "",
      ]) {
        const rule = { patterns: [], relatedEntities: [relation] } as never;
        expect(() => invalidator.registerRule("x", rule)).toThrow(/rules\.x\.relatedEntities/);
      }
      expect(() => invalidator.registerRule("x", { patterns: "x" } as never)).toThrow(/rules\.x\.patterns/);
      expect(await left(cache, "companies:1")).toEqual(["companies:1"]);
      expect(invalidator.getHistory()).toEqual([]);
    });
  });
}

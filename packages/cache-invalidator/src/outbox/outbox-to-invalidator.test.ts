import { createCache, memoryStore } from "@crm/cache-core";
import { waitFor } from "@crm/testkit";
import { PGlite } from "@electric-sql/pglite";
import { expect, test } from "vitest";
import { createCacheInvalidator } from "../create-cache-invalidator.ts";
import { connectPglite } from "./connect-pglite.ts";
import { createOutboxRelay } from "./create-outbox-relay.ts";
import { outboxMigration } from "./outbox-migration.ts";
import { outboxTrigger } from "./outbox-trigger.ts";

test("what others wrote into the columns for the history keeps no event from being applied", async () => {
  const cache = createCache({ store: memoryStore() });
  const invalidator = createCacheInvalidator(cache, {
    rules: { companies: { patterns: ["companies:*"] } },
  });
  await cache.set("companies:1", "old", 60);
  const db = await PGlite.create();
  await db.query(outboxMigration());
  const relay = createOutboxRelay({ connect: () => connectPglite(db), target: invalidator, maxAttempts: 1 });
  await relay.start();
  await db.query(
    `INSERT INTO cache_outbox (event, entity_type, entity_id, actor, cause) VALUES
      ('entity:updated', 'companies', '1', '', 'Error: no' || chr(10) || ' at line 2'),
      ('entity:updated', 'companies', '2', repeat('ž', 300), ' ' || chr(9))`,
  );
  await waitFor(() => invalidator.getHistory().length === 2);
  const history = invalidator.getHistory().toSorted((a, b) => Number(a.entityId) - Number(b.entityId));
  expect(history.map(({ actor, cause }) => [actor, cause])).toEqual([
    [undefined, "Error: no  at line 2"],
    ["ž".repeat(128), undefined],
  ]);
  expect([await cache.get("companies:1"), (await relay.getStats()).dead]).toEqual([null, 0]);
  await relay.close();
  await invalidator.close();
  await cache.close();
  await db.close();
});

test("an id that a double cannot hold, as a bigint may be, names the one that it is", async () => {
  const cache = createCache({ store: memoryStore() });
  const relatedEntities = [{ entity: "companies", idFrom: ["company_id", "company_ids"] }];
  const invalidator = createCacheInvalidator(cache, {
    rules: { deals: { patterns: [], relatedEntities }, companies: { patterns: ["companies:{id}"] } },
  });
  const [one, other, third] = ["9007199254740993", "9007199254740992", "-72057594037927937"] as const;
  for (const id of [one, other, third, "7"]) await cache.set(`companies:${id}`, "old", 60);
  const db = await PGlite.create();
  await db.query(outboxMigration());
  await db.exec("CREATE TABLE deals (id bigint, company_id bigint, company_ids bigint[])");
  await db.query(outboxTrigger({ on: "deals", dataColumns: ["company_id", "company_ids"] }));
  const relay = createOutboxRelay({ connect: () => connectPglite(db), target: invalidator });
  await relay.start();
  await db.query(`INSERT INTO deals VALUES (${one}, ${one}, '{7,${third}}')`);
  await waitFor(async () => (await relay.getStats()).delivered === 1);
  expect(await cache.getMany([one, other, third, "7"].map((id) => `companies:${id}`))).toEqual([
    null,
    "old",
    null,
    null,
  ]);
  await relay.close();
  await invalidator.close();
  await cache.close();
  await db.close();
});

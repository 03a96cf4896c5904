import { createCache, memoryStore } from "@crm/cache-core";
import { PGlite } from "@electric-sql/pglite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLocks, fenceCondition, postgresGuard } from "../src/index.ts";
import { sleep } from "./support/suite.ts";

describe("guards in Postgres", () => {
  let db: PGlite;
  const guard = postgresGuard();
  beforeAll(async () => {
    db = new PGlite();
    await db.exec(guard.schema);
    await db.exec(guard.schema);
    await db.exec("CREATE TABLE invoices (id int PRIMARY KEY, state text, fence bigint NOT NULL DEFAULT 0)");
    await db.exec("INSERT INTO invoices VALUES (7, 'open')");
  }, 60_000);
  afterAll(() => db.close());

  it("a stale holder's transaction is refused and rolled back; the latest one's is not", async () => {
    const cache = createCache({ store: memoryStore() });
    const locks = createLocks(cache);
    const stale = await locks.acquire("invoices:7", { ttl: "50ms", renew: false });
    await db.transaction((tx) => guard.check(tx, "invoices:7", stale.fence));
    await sleep(60);
    const latest = await locks.acquire("invoices:7");
    const work = (fence: number, state: string) =>
      db.transaction(async (tx) => {
        await tx.query("UPDATE invoices SET state = $1 WHERE id = 7", [state]);
        await guard.check(tx, "invoices:7", fence);
      });
    await work(latest.fence, "paid");
    await work(latest.fence, "paid twice by its holder");
    await expect(work(stale.fence, "stale")).rejects.toMatchObject({
      code: "STALE_FENCE",
      fence: stale.fence,
    });
    const { rows } = await db.query("SELECT state FROM invoices");
    expect(rows).toEqual([{ state: "paid twice by its holder" }]);
    await latest.release();
    await locks.close();
    await cache.close();
  });

  it("refuses all of a thousand lower tokens, of two resources, in any order", async () => {
    const highest = new Map<string, number>();
    let refused = 0;
    for (let i = 0; i < 1_000; i++) {
      const resource = i % 2 === 0 ? "a" : "b";
      const fence = 1_764_000_000_000_000 + ((i * 7_919) % 1_000);
      const stale = fence < (highest.get(resource) ?? 0);
      const check = guard.check(db, resource, fence).then(
        () => false,
        () => true,
      );
      expect(await check).toBe(stale);
      if (stale) refused++;
      else highest.set(resource, fence);
    }
    expect(refused).toBeGreaterThan(900);
  });

  it("a conditional update checks the fence on the row itself", async () => {
    const update = `UPDATE invoices SET state = $1, fence = $2::bigint WHERE id = $3 AND ${fenceCondition("fence", 2)}`;
    expect((await db.query(update, ["by 5", "5", 7])).affectedRows).toBe(1);
    expect((await db.query(update, ["by 4", "4", 7])).affectedRows).toBe(0);
    expect((await db.query(update, ["by 5 again", "5", 7])).affectedRows).toBe(1);
    // Control arm: without the condition the stale write goes in.
    expect((await db.query("UPDATE invoices SET state = 'by 4' WHERE id = 7")).affectedRows).toBe(1);
  });

  it("input is checked before anything is sent", async () => {
    await expect(guard.check(db, "", 1)).rejects.toMatchObject({
      code: "INVALID_KEY",
      parameter: "resource",
    });
    for (const fence of [0, -1, 1.5, Number.NaN, "1"]) {
      await expect(guard.check(db, "a", fence as number)).rejects.toMatchObject({ option: "fence" });
    }
  });
});

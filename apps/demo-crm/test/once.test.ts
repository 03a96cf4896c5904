import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startApp, type TestApp, USER } from "./start-app.ts";

const { db } = await import("../src/db/connect.ts");
const { issueQuote } = await import("../src/db/queries/issue-quote.ts");
const { issueQuoteNumber } = await import("../src/services/quote-numbers.ts");
const { locks } = await import("../src/cache/index.ts");
const { quotes } = await import("../src/db/schema.ts");

let demo: TestApp;
let drafts: string[];
beforeAll(async () => {
  demo = await startApp();
  const found = await demo.json("/api/quotes?status=draft&limit=30");
  drafts = found.body.data.items.map((quote: { id: string }) => quote.id);
});
afterAll(() => demo.close());

it("quotes issued at the same time get numbers without a gap or a repetition", async () => {
  const ids = drafts.splice(0, 12);
  const issued = await Promise.all(ids.map((id) => issueQuoteNumber(id, "2031-05-01")));
  const numbers = issued.map((response) => (response as { data: { number: string } }).data.number);
  expect(numbers.sort()).toEqual(ids.map((_, at) => `2031-${String(at + 1).padStart(4, "0")}`));
});

it("over HTTP: once, and seen at once", async () => {
  const path = `/api/quotes/${drafts.shift()}`;
  expect((await demo.json(path)).body.data).toMatchObject({ status: "draft", number: null });
  const issued = await demo.send("POST", `${path}/issue`, {});
  const year = new Date().getUTCFullYear();
  expect(issued.body.data).toMatchObject({ status: "issued", number: `${year}-0001` });
  expect((await demo.json(path)).body.data).toMatchObject({ status: "issued", number: `${year}-0001` });
  const again = await demo.send("POST", `${path}/issue`, {});
  expect([again.status, again.body.code]).toEqual([409, "CONFLICT"]);
  expect((await demo.send("POST", "/api/quotes/none/issue", {})).status).toBe(404);
  expect((await demo.send("PATCH", path, { status: "draft" })).status).toBe(422);
  expect((await demo.send("PATCH", path, { status: "accepted" })).status).toBe(200);
});

it("a process that has lost its lock writes nothing: the fence of a later one stands", async () => {
  const [first, second] = [drafts.shift()!, drafts.shift()!];
  expect(await issueQuote(first, { on: "2032-01-01", fence: 20 })).toMatchObject({ number: "2032-0001" });
  expect(await issueQuote(second, { on: "2032-01-01", fence: 19 })).toBe("stale");
  expect(await db().$count(quotes, sql`id = ${second} and number is null`)).toBe(1);
});

it("a month is closed once, by one of those who try at the same time", async () => {
  const tries = await Promise.all(
    Array.from({ length: 8 }, () => demo.json("/api/months/2017-03/close", { method: "POST" })),
  );
  const statuses = tries.map(({ status }) => status).sort();
  expect(statuses).toEqual([200, ...Array.from({ length: 7 }, () => 409)]);
  const closed = tries.find(({ status }) => status === 200)!.body.data;
  const { rows } = (await db().execute(
    sql`select count(*) filter (where stage = 'Won')::int as won, sum(close_value)::int as revenue
      from deals where close_date between '2017-03-01' and '2017-03-31'`,
  )) as unknown as { rows: { won: number; revenue: number }[] };
  expect(closed).toMatchObject({ month: "2017-03", closedBy: USER, ...rows[0] });
  expect((await demo.json("/api/months")).body.data).toMatchObject([{ month: "2017-03" }]);
  await demo.json("/api/months/2017-04/close", { method: "POST" });
  expect((await demo.json("/api/months")).body.data).toHaveLength(2);
});

it("while somebody else closes it, one is told so at once", async () => {
  await using lock = await locks.acquire("months:2017-05");
  const busy = await demo.json("/api/months/2017-05/close", { method: "POST" });
  expect([busy.status, busy.body.detail, lock.held]).toEqual([409, "Somebody else is closing 2017-05", true]);
});

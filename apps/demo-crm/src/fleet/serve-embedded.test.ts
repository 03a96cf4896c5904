import { connect } from "node:net";
import type { PGlite } from "@electric-sql/pglite";
import postgres from "postgres";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { openEmbedded } from "../db/open-embedded.ts";
import { type ServedDatabase, serveEmbedded } from "./serve-embedded.ts";

let db: PGlite;
let served: ServedDatabase;
const clients: postgres.Sql[] = [];

beforeAll(async () => {
  ({ client: db } = await openEmbedded(undefined, inject("emptyDatabase")));
  served = await serveEmbedded(db);
  await db.exec("create table account (id int primary key, amount int not null)");
  await db.exec("insert into account values (1, 0), (2, 0)");
});
afterAll(async () => {
  for (const client of clients) await client.end({ timeout: 1 });
  await served.close();
  await db.close();
});

function client(max = 4): postgres.Sql {
  const made = postgres(served.url, { max, onnotice: () => {} });
  clients.push(made);
  return made;
}

it("many statements of many clients at the same time get their own answers", async () => {
  const pools = [client(), client(), client()];
  const answers = await Promise.all(
    Array.from({ length: 600 }, (_, at) =>
      // Not prepared by name: its messages come in two parts, between which another statement would replace it.
      (pools[at % 3] as postgres.Sql).unsafe(
        at % 2 === 0 ? `select $1::int as value` : `select $1::text || '!' as value`,
        [at],
      ),
    ),
  );
  expect(answers.map(([row]) => row?.value)).toEqual(
    Array.from({ length: 600 }, (_, at) => (at % 2 === 0 ? at : `${at}!`)),
  );
});

it("transactions do not meet: nothing is lost", async () => {
  const pools = [client(), client()];
  await Promise.all(
    Array.from({ length: 40 }, (_, at) =>
      (pools[at % 2] as postgres.Sql).begin(async (sql) => {
        const [row] = await sql`select amount from account where id = 1`;
        await sql`update account set amount = ${(row as { amount: number }).amount + 1} where id = 1`;
      }),
    ),
  );
  const [row] = await client()`select amount from account where id = 1`;
  expect(row).toEqual({ amount: 40 });
});

it("an error concerns the one who made it", async () => {
  const sql = client();
  const results = await Promise.allSettled([
    sql`select 1 as one`,
    sql`select * from nowhere`,
    sql`insert into account values (1, 1)`,
    sql.unsafe("select 2 as two", []),
  ]);
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected", "fulfilled"]);
});

it("who goes in the middle of a transaction leaves nothing, and holds nobody up", async () => {
  const gone = postgres(served.url, { max: 1, onnotice: () => {} });
  const reserved = await gone.reserve();
  await reserved`begin`;
  await reserved`update account set amount = 1000 where id = 2`;
  const waiting = client(1)`select amount from account where id = 2`;
  await gone.end({ timeout: 0 });
  expect(await waiting).toEqual([{ amount: 0 }]);
});

it("what is no client of Postgres is cut off", async () => {
  const { port } = new URL(served.url);
  const socket = connect({ host: "127.0.0.1", port: Number(port) });
  socket.write("GET / HTTP/1.1\r\n\r\n");
  await new Promise((resolve) => socket.once("close", resolve));
  expect(await client()`select 1 as one`).toEqual([{ one: 1 }]);
});

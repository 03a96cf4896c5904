import { EventEmitter } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import type { RedisLike } from "./redis-like.ts";
import { revive } from "./revive.ts";

function client(): { connection: RedisLike; connects: () => number } {
  let connects = 0;
  const connection = Object.assign(new EventEmitter(), {
    status: "end",
    connect: () => {
      connects++;
      return Promise.reject(new Error("Connection is closed."));
    },
  });
  return { connection: connection as unknown as RedisLike, connects: () => connects };
}

it("connects again what has ended by itself, and again when that ends too", async () => {
  const { connection, connects } = client();
  revive(connection, () => false);
  connection.emit("end");
  await sleep(130);
  expect(connects()).toBe(1);
  connection.emit("end");
  await sleep(130);
  expect(connects()).toBe(2);
});

it("leaves alone what was closed, before or meanwhile", async () => {
  const { connection, connects } = client();
  let closed = true;
  revive(connection, () => closed);
  connection.emit("end");
  closed = false;
  connection.emit("end");
  closed = true;
  await sleep(130);
  expect(connects()).toBe(0);
});

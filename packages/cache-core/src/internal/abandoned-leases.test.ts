import { beforeEach, expect, test } from "vitest";
import { createFakeClock, type FakeClock } from "../testing/index.ts";
import { type AbandonedLease, AbandonedLeases } from "./abandoned-leases.ts";

let clock: FakeClock;
let pages: AbandonedLease[][];
let atOnce: number;
let most: number;
let available: boolean;
let stands: boolean | undefined;
let leases: AbandonedLeases;

beforeEach(() => {
  clock = createFakeClock();
  pages = [];
  atOnce = 0;
  most = 0;
  available = false;
  stands = true;
  leases = new AbandonedLeases(
    async (page) => {
      pages.push([...page]);
      most = Math.max(most, ++atOnce);
      await new Promise<void>((resolve) => clock.after(10, resolve));
      atOnce--;
      return page.map(() => stands);
    },
    () => available,
    clock,
  );
});

function abandon(count: number): void {
  for (let i = 0; i < count; i++) leases.add(`k:${i}`, `token:${i}`);
}

test("a burst is given back in pages, one after the other, however often the store says that it is back", async () => {
  abandon(1_200);
  for (let i = 0; i < 5; i++) leases.wake();
  await clock.advance(50);
  expect(pages.map(({ length }) => length)).toEqual([500, 500, 200]);
  expect(most).toBe(1);
  await clock.advance(1_000);
  expect(pages.length).toBe(3);
  expect(clock.pendingTimers).toBe(0);
});

test("nothing is sent while the store is away, and a page that was not answered ends the turn", async () => {
  abandon(1_200);
  await clock.advance(1_000);
  expect(pages).toEqual([]);
  available = true;
  stands = undefined;
  await clock.advance(110);
  expect(pages.map(({ length }) => length)).toEqual([500]);
  stands = true;
  await clock.advance(200);
  expect(pages.map(({ length }) => length)).toEqual([500, 500, 500, 200]);
  leases.close();
});

test("one that did not stand is asked for once more: the call that takes it may come late", async () => {
  stands = false;
  abandon(1);
  leases.wake();
  await clock.advance(20);
  leases.wake();
  await clock.advance(20);
  leases.wake();
  await clock.advance(20);
  expect(pages.length).toBe(2);
  leases.close();
});

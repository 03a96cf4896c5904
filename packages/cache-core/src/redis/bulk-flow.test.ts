import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import { BulkFlow } from "./bulk-flow.ts";
import type { RedisLike } from "./redis-like.ts";

function flowOver() {
  const socket = {
    bytesRead: 0,
    bytesWritten: 0,
    writableBuffer: [] as { chunk: string }[],
    _handle: { writeQueueSize: 0 },
    destroy: () => {},
  };
  const client = Object.assign(new EventEmitter(), { stream: socket }) as unknown as RedisLike;
  return { socket, flow: new BulkFlow(client) };
}
const LATER = performance.now() + 1_000;

test("a large value that has left, or arrives, is given time by its size; nothing else is", () => {
  const { socket, flow } = flowOver();
  const sample = flow.sample(LATER);
  expect(flow.allowanceMs(sample, flow.look())).toBe(0);
  socket.bytesWritten = 60_000;
  expect(flow.allowanceMs(sample, flow.look())).toBe(0);
  socket.bytesWritten = 1_000_000;
  expect(flow.allowanceMs(sample, flow.look())).toBe(80);
  socket.bytesRead = 500_000;
  expect(flow.allowanceMs(sample, flow.look())).toBe(120);
});

test("what waits in this process has not moved", () => {
  const { socket, flow } = flowOver();
  const sample = flow.sample(LATER);
  socket.bytesWritten = 4_000_000;
  socket.writableBuffer = [{ chunk: "x".repeat(2_000_000) }];
  socket._handle.writeQueueSize = 1_990_000;
  expect(flow.allowanceMs(sample, flow.look())).toBe(0);
  socket._handle.writeQueueSize = 1_000_000;
  expect(flow.allowanceMs(sample, flow.look())).toBe(80);
});

test("small calls that go on being sent hold up none that was sent before them", () => {
  const { socket, flow } = flowOver();
  const sent = flow.sample(LATER);
  socket.bytesWritten = 30_000;
  flow.sample(LATER + 10);
  socket.bytesWritten = 3_000_000;
  expect(flow.allowanceMs(sent, flow.look())).toBe(0);
  // A large value before the call, or the call itself, does.
  const before = flow.sample(LATER + 20);
  socket.bytesWritten = 4_000_000;
  socket.writableBuffer = [{ chunk: "x".repeat(900_000) }];
  flow.sample(LATER + 30);
  const soon = flow.look();
  expect(flow.allowanceMs(before, soon)).toBe(8);
  socket.bytesWritten = 6_000_000;
  socket.writableBuffer = [];
  expect(flow.allowanceMs(soon, flow.look(), before)).toBe(72);
  expect(flow.allowanceMs(before, flow.look())).toBe(80);
});

test("looking costs the same however much waits in this process", () => {
  const walked = () => {
    throw new Error("walked through what waits");
  };
  const socket = {
    bytesRead: 0,
    get bytesWritten() {
      return walked();
    },
    get writableBuffer() {
      return walked();
    },
    _handle: { bytesWritten: 0, writeQueueSize: 0 },
    destroy: () => {},
  };
  const client = Object.assign(new EventEmitter(), { stream: socket }) as unknown as RedisLike;
  const flow = new BulkFlow(client);
  const sample = flow.sample(LATER);
  socket._handle.bytesWritten = 2_000_000;
  socket._handle.writeQueueSize = 1_000_000;
  expect(flow.allowanceMs(sample, flow.look())).toBe(80);
});

test("many small answers are no large value, however many bytes they have together", () => {
  const { socket, flow } = flowOver();
  const sample = flow.sample(LATER);
  socket.bytesRead = 1_000_000;
  for (let answer = 0; answer < 100; answer++) flow.noteAnswer();
  expect(flow.allowanceMs(sample, flow.look())).toBe(0);
});

import type { EventEmitter } from "node:events";
import { expect, it, onTestFinished } from "vitest";
import { connect } from "./connect.ts";

it("a node that was asked for leave (ASKING) when its connection broke ends no process", async () => {
  const { client } = connect({ nodes: [{ host: "127.0.0.1", port: 1 }] });
  client.on("error", () => {});
  onTestFinished(() => client.disconnect());
  const unhandled: unknown[] = [];
  const note = (cause: unknown): void => void unhandled.push(cause);
  process.on("unhandledRejection", note);
  onTestFinished(() => void process.off("unhandledRejection", note));
  const closed = new Error("Connection is closed.");
  const node = { asking: () => Promise.reject(closed) };
  (client as unknown as EventEmitter).emit("+node", node);
  // As a Cluster does it, which looks at no answer.
  node.asking();
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  expect(unhandled).toEqual([]);
});

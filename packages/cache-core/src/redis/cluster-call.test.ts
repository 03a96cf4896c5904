import { Command as Command6 } from "ioredis";
import { Command as Command5 } from "ioredis-5";
import { describe, expect, it } from "vitest";
import { type ClusterCommandClass, makeClusterCall } from "./cluster-call.ts";

const CLOSED = new Error("Connection is closed.");
const MOVED = new Error("MOVED 1 127.0.0.1:7000");

describe.each([
  ["5", Command5],
  ["6", Command6],
])("the call of a script in a Cluster, by the command of ioredis %s", (_version, Command) => {
  /** A call, and what made it be sent again, as a Cluster does with each error that it knows. */
  function sent(): { call: ReturnType<typeof makeClusterCall>; again: Error[] } {
    const call = makeClusterCall(Command as unknown as ClusterCommandClass, "evalsha", [
      "sha",
      1,
      ["key"],
      [7],
    ]);
    call.promise.catch(() => {});
    const again: Error[] = [];
    call.reject = (cause) => void again.push(cause);
    return { call, again };
  }

  it("is sent again when its connection was closed before it was written", () => {
    const { call, again } = sent();
    call.reject(CLOSED);
    expect(again).toEqual([CLOSED]);
  });

  it("is not, when it had been written: nobody knows whether it has run", async () => {
    const { call, again } = sent();
    expect(String(call.toWritable({}))).toBe(
      "*5\r\n$7\r\nevalsha\r\n$3\r\nsha\r\n$1\r\n1\r\n$3\r\nkey\r\n$1\r\n7\r\n",
    );
    call.reject(CLOSED);
    expect(again).toEqual([]);
    await expect(call.promise).rejects.toThrow(CLOSED);
  });

  it("finds its node: one that was refused elsewhere has not run", async () => {
    const { call, again } = sent();
    call.toWritable({});
    call.reject(MOVED);
    call.reject(CLOSED);
    expect(again).toEqual([MOVED, CLOSED]);
    call.toWritable({});
    call.reject(CLOSED);
    await expect(call.promise).rejects.toThrow(CLOSED);
  });
});

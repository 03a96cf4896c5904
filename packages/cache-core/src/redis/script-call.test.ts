import { Command as Command6 } from "ioredis";
import { Command as Command5 } from "ioredis-5";
import { describe, expect, it } from "vitest";
import { type CommandClass, headOf, makeScriptCallClass } from "./script-call.ts";

const SHA = "0123456789012345678901234567890123456789";
const KEYS = ["crm:1q:š", "second"];
const answer = { promise: Promise.resolve(), onReply: () => {}, onError: () => {} };

interface Sent {
  readonly args: readonly unknown[];
  toWritable(socket: object): string | Buffer;
}

describe.each([
  ["5", Command5],
  ["6", Command6],
])("the call of a script, beside the command of ioredis %s", (_version, Command) => {
  const ScriptCall = makeScriptCallClass(Command as CommandClass);

  it.each([
    [[]],
    [["text", "", "ž\u{1f600}\r\n"]],
    [[1, -1, 2.5, 1e-5, 2 ** 53]],
    [[Buffer.from([0, 255, 13, 10]), "text", 7, Buffer.alloc(0)]],
  ])("is written the same: %j", (values) => {
    const own = new Command("evalsha", [SHA, KEYS.length, ...KEYS, ...values]) as unknown as Sent;
    const head = headOf(SHA, KEYS.length, values.length);
    const ours = new ScriptCall(head, SHA, KEYS, values, answer) as Sent;
    expect(ours.args).toEqual(own.args);
    expect(Buffer.from(ours.toWritable({}))).toEqual(Buffer.from(own.toWritable({})));
    expect(ours).toBeInstanceOf(Command);
  });
});

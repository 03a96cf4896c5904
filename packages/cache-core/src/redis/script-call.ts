import type { AtomicArgument } from "../atomic-operation.ts";

/** ioredis' own class of commands, by shape. */
export interface CommandClass {
  readonly prototype: { toWritable(socket: object): string | Buffer };
}

/** Who waits for the answer. */
export interface Answer {
  /** Settles when the caller's does: for those who trace commands. */
  readonly promise: Promise<unknown>;
  readonly onReply: (reply: unknown) => void;
  readonly onError: (cause: unknown) => void;
}

type ScriptCallClass = new (
  head: string,
  sha: string,
  keys: readonly string[],
  values: readonly AtomicArgument[],
  answer: Answer,
) => object;

/**
 * Makes the class of an `EVALSHA` for the `sendCommand` of ioredis: its own command but for the constructor, which serves
 * every command there is, and for that copies and inspects the arguments, makes a promise with four functions, and converts the reply. A
 * script needs nothing of it (docs/decisions/2026-11-26-calls-of-scripts.md has what that saves).
 */
export function makeScriptCallClass(Command: CommandClass): ScriptCallClass {
  class ScriptCall {
    readonly name = "evalsha";
    readonly promise: Promise<unknown>;
    readonly resolve: (reply: unknown) => void;
    readonly reject: (cause: unknown) => void;
    /** Of ioredis: whether somebody who traces commands has been told of it. */
    isTraced = false;
    readonly #head: string;
    readonly #sha: string;
    readonly #keys: readonly string[];
    readonly #values: readonly AtomicArgument[];
    #args: (string | Buffer)[] | undefined;

    constructor(
      head: string,
      sha: string,
      keys: readonly string[],
      values: readonly AtomicArgument[],
      answer: Answer,
    ) {
      this.promise = answer.promise;
      this.resolve = answer.onReply;
      this.reject = answer.onError;
      this.#head = head;
      this.#sha = sha;
      this.#keys = keys;
      this.#values = values;
    }

    /** For errors and for those who trace commands. */
    get args(): readonly (string | Buffer)[] {
      this.#args ??= [
        this.#sha,
        String(this.#keys.length),
        ...this.#keys,
        ...this.#values.map((value) => (typeof value === "number" ? String(value) : value)),
      ];
      return this.#args;
    }

    get bufferMode(): boolean {
      return true;
    }

    toWritable(socket: object): string | Buffer {
      let text = this.#head;
      for (const key of this.#keys) text += bulk(key);
      for (const value of this.#values) {
        if (typeof value === "object") return Command.prototype.toWritable.call(this, socket);
        text += bulk(typeof value === "number" ? String(value) : value);
      }
      return text;
    }
  }

  Object.setPrototypeOf(ScriptCall.prototype, Command.prototype);
  return ScriptCall;
}

/** What every call of a script with so many keys and values begins with. */
export function headOf(sha: string, keys: number, values: number): string {
  return `*${3 + keys + values}\r\n${bulk("evalsha")}${bulk(sha)}${bulk(String(keys))}`;
}

function bulk(text: string): string {
  return `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
}

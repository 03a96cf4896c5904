/** A message of PostgreSQL's protocol, version 3: a type, a length that counts itself, and what is in it. */
export interface WireMessage {
  readonly type: string;
  readonly bytes: Buffer;
}

const LONGEST = 16 * 1024 * 1024;

/** Cuts a stream of bytes into messages. The first ones of a connection have no type. */
export class WireReader {
  #buffer: Buffer = Buffer.alloc(0);
  #started = false;

  /** From now on messages have a type. */
  start(): void {
    this.#started = true;
  }

  push(bytes: Buffer): void {
    this.#buffer = this.#buffer.length === 0 ? bytes : Buffer.concat([this.#buffer, bytes]);
  }

  /** The next message that has come in full. Throws when it cannot be one. */
  next(): WireMessage | undefined {
    const head = this.#started ? 1 : 0;
    if (this.#buffer.length < head + 4) return undefined;
    const length = this.#buffer.readInt32BE(head);
    if (length < 4 || length > LONGEST) throw new Error("The client does not speak PostgreSQL's protocol");
    const end = head + length;
    if (this.#buffer.length < end) return undefined;
    const bytes = this.#buffer.subarray(0, end);
    this.#buffer = this.#buffer.subarray(end);
    return { type: this.#started ? String.fromCharCode(bytes[0] as number) : "", bytes };
  }
}

export function message(type: string, ...parts: readonly (Buffer | string)[]): Buffer {
  const body = Buffer.concat(
    parts.map((part) => (typeof part === "string" ? Buffer.from(`${part}\0`) : part)),
  );
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeInt32BE(4 + body.length, 1);
  return Buffer.concat([head, body]);
}

/** What the last `ReadyForQuery` of an answer says: idle, in a transaction, or in a failed one; `undefined` without one. */
export function lastStatus(answer: Uint8Array): "I" | "T" | "E" | undefined {
  const bytes = Buffer.from(answer.buffer, answer.byteOffset, answer.byteLength);
  let status: string | undefined;
  for (let at = 0; at + 5 <= bytes.length; at += 1 + bytes.readInt32BE(at + 1)) {
    if (bytes[at] === 0x5a) status = String.fromCharCode(bytes[at + 5] as number);
  }
  return status as "I" | "T" | "E" | undefined;
}

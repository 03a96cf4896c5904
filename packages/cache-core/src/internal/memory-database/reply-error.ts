/** An error reply as Redis words it: the code, a space, the sentence. */
export class ReplyError extends Error {
  override readonly name: string = "ReplyError";
}

export function wrongType(): ReplyError {
  return new ReplyError("WRONGTYPE Operation against a key holding the wrong kind of value");
}

export function notAnInteger(): ReplyError {
  return new ReplyError("ERR value is not an integer or out of range");
}

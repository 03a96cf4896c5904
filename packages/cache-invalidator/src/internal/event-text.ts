/** Longest texts of an event, in bytes of UTF-8: what is told, what is left in an outbox, and what is read from one. */
export const MAX_BYTES = { entityType: 128, entityId: 512, actor: 256, cause: 256 } as const;

/** Whether it can be a part of a key, or of a record. */
export function isPlain(value: unknown, maxBytes: number): value is string {
  return (
    typeof value === "string" &&
    value !== "" &&
    Buffer.byteLength(value) <= maxBytes &&
    !/\p{Cc}|\p{Cs}/u.test(value)
  );
}

/** What of it can stand in a record: on one line, not too long; `undefined` when nothing is left. */
export function toPlain(text: string, maxBytes: number): string | undefined {
  const line = text.replace(/\p{Cc}|\p{Cs}/gu, " ").trim();
  if (Buffer.byteLength(line) <= maxBytes) return line || undefined;
  // A character that is cut in two is left out.
  return Buffer.from(line)
    .subarray(0, maxBytes)
    .toString()
    .replace(/\uFFFD$/, "");
}

/** Whether it is a number that names one thing: above 2^53 the id of one is rounded to the id of another. */
export function isExact(value: unknown): value is number | bigint {
  if (typeof value === "number") return Math.abs(value) <= Number.MAX_SAFE_INTEGER;
  return typeof value === "bigint";
}

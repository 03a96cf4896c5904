import { randomBytes } from "node:crypto";

/** More than any semaphore has: what a writer takes, and what readers take one of. */
export const EVERYTHING = 1_000_000_000;

const TOKEN = /^[\w-]{12}\.[0-9a-z]{1,11}\.[1-9]\d{0,9}\.[1-9]\d{0,9}\.[1-9]\d{0,11}$/;

/** Names a process among all. 72 random bits: whoever knows a token may give the lock back. */
export function newProcessId(): string {
  return randomBytes(9).toString("base64url");
}

/** What identifies one acquisition: process, serial number, permits taken, permits there are, its lease. */
export function makeToken(
  processId: string,
  serial: number,
  permits: number,
  limit: number,
  ttlMs: number,
): string {
  return `${processId}.${serial.toString(36)}.${permits}.${limit}.${ttlMs}`;
}

/** Whether this library can have made it. Anything else belongs to nobody. */
export function isToken(value: string): boolean {
  return TOKEN.test(value);
}

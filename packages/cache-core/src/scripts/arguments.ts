import type { AtomicArgument } from "../atomic-operation.ts";

/** Text of an argument. */
export function text(argument: AtomicArgument | undefined): string {
  if (typeof argument === "string") return argument;
  if (argument === undefined) return "";
  return typeof argument === "number" ? String(argument) : argument.toString("utf8");
}

/** Number of an argument. */
export function number(argument: AtomicArgument | undefined): number {
  return typeof argument === "number" ? argument : Number(text(argument));
}

/** Bytes of an argument. */
export function bytes(argument: AtomicArgument | undefined): Buffer {
  return Buffer.isBuffer(argument) ? argument : Buffer.from(text(argument), "utf8");
}

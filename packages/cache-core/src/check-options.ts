import type { StandardSchemaV1 } from "@standard-schema/spec";
import { InvalidOptionError } from "./errors.ts";

/** Whether a value can be an object of options: an array, a `Date` or a `Map` in their place is a mistake. */
export function isOptions(value: unknown): value is object {
  return Object.prototype.toString.call(value) === "[object Object]";
}

/** The options of an interface, by name: all of them, and no other. */
export type OptionNames<T> = Readonly<Record<keyof T, true>>;

/**
 * Refuses a name that is no option: `tag` for `tags` would leave an entry that nothing invalidates.
 *
 * @param where what stands before the name in the error, such as `memory.`
 * @throws InvalidOptionError
 */
export function checkOptionNames(
  options: object,
  known: Readonly<Record<string, true>>,
  where: string = "",
): void {
  // Without a list of the names: this runs for each of ten thousand tasks that are registered.
  for (const name in options) {
    // What every object has by inheritance is not `true`.
    if (known[name] === true || !Object.hasOwn(options, name)) continue;
    throw new InvalidOptionError({
      option: where + name,
      received: name,
      expected: `a name among ${Object.keys(known).join(", ")}`,
    });
  }
}

/** Refuses what is no Standard Schema. @throws InvalidOptionError */
export function checkSchema(schema: StandardSchemaV1 | undefined): void {
  if (schema === undefined) return;
  if (typeof (schema as StandardSchemaV1 | null)?.["~standard"]?.validate !== "function") {
    throw new InvalidOptionError({
      option: "options.schema",
      received: schema,
      expected: "a Standard Schema, such as one of zod 4, valibot or arktype",
    });
  }
}

/** Refuses what is no `AbortSignal`. @throws InvalidOptionError */
export function checkSignal(signal: AbortSignal | undefined): void {
  if (signal === undefined) return;
  if (typeof (signal as AbortSignal | null)?.addEventListener !== "function") {
    throw new InvalidOptionError({
      option: "options.signal",
      received: signal,
      expected: "an AbortSignal, such as `AbortSignal.timeout(500)`",
    });
  }
}

/** Refuses an object that lacks one of the methods. @throws InvalidOptionError */
export function checkMethods(option: string, value: unknown, methods: readonly string[]): void {
  if (value === undefined) return;
  const found = value as Record<string, unknown> | null;
  if (typeof value === "object" && methods.every((method) => typeof found?.[method] === "function")) return;
  throw new InvalidOptionError({
    option,
    received: value,
    expected: `an object with ${methods.map((method) => `${method}()`).join(", ")}`,
  });
}

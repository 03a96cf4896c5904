import { InvalidOptionError } from "@crm/cache-core";

/** The options of an interface, by name: all of them, and no other. */
export type OptionNames<T> = Readonly<Record<keyof T, true>>;

/**
 * Refuses a name that is no option: `prority` for `priority` would be loaded last, and nobody would know why.
 *
 * @throws InvalidOptionError
 */
export function checkNames(given: object, known: Readonly<Record<string, true>>, where = ""): void {
  for (const name in given) {
    // What every object has by inheritance is not `true`.
    if (known[name] === true || !Object.hasOwn(given, name)) continue;
    throw new InvalidOptionError({
      option: where + name,
      received: name,
      expected: `a name among ${Object.keys(known).join(", ")}`,
    });
  }
}

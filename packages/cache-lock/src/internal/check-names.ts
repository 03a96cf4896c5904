import { InvalidOptionError } from "@crm/cache-core";

/** The options of an interface, by name: all of them, and no other. */
export type OptionNames<T> = Readonly<Record<keyof T, true>>;

/**
 * Refuses a name that is no option: `reentrent: true` would wait for itself.
 *
 * @throws InvalidOptionError
 */
export function checkNames(given: object, known: Readonly<Record<string, true>>, where = ""): void {
  for (const name in given) {
    if (Object.hasOwn(known, name) || !Object.hasOwn(given, name)) continue;
    throw new InvalidOptionError({
      option: where + name,
      received: name,
      expected: `a name among ${Object.keys(known).join(", ")}`,
    });
  }
}

// What the address says of a list. What makes no sense is `undefined`, so that every address shows something: what is merely left out the router
// takes from the address as it is.

export function pageNumber(value: unknown): { page?: number | undefined } {
  const page = Number(value);
  return Number.isInteger(page) && page > 1 && page <= 10_000 ? { page } : { page: undefined };
}

export function text<Name extends string>(
  name: Name,
  value: unknown,
): { [Key in Name]?: string | undefined } {
  const found = typeof value === "string" || typeof value === "number" ? String(value).trim() : "";
  return { [name]: found === "" ? undefined : found.slice(0, 200) } as { [Key in Name]?: string | undefined };
}

export function oneOf<Name extends string, Value extends string>(
  name: Name,
  value: unknown,
  values: readonly Value[],
): { [Key in Name]?: Value | undefined } {
  return { [name]: values.includes(value as Value) ? value : undefined } as {
    [Key in Name]?: Value | undefined;
  };
}

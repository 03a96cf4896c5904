// What the address says of a list. What makes no sense is left out, so that every address shows something.

export function pageNumber(value: unknown): { page?: number | undefined } {
  const page = Number(value);
  return Number.isInteger(page) && page > 1 && page <= 10_000 ? { page } : {};
}

export function text<Name extends string>(
  name: Name,
  value: unknown,
): { [Key in Name]?: string | undefined } {
  const found = typeof value === "string" || typeof value === "number" ? String(value).trim() : "";
  return (found === "" ? {} : { [name]: found.slice(0, 200) }) as { [Key in Name]?: string | undefined };
}

export function oneOf<Name extends string, Value extends string>(
  name: Name,
  value: unknown,
  values: readonly Value[],
): { [Key in Name]?: Value | undefined } {
  return (values.includes(value as Value) ? { [name]: value } : {}) as { [Key in Name]?: Value | undefined };
}

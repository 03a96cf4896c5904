/** Of a form: what was typed, without the blanks around it; `null` where nothing was. */
export function textOf(form: FormData, name: string): string | null {
  const value = form.get(name);
  return typeof value === "string" && value.trim() !== "" ? value.trim() : null;
}

export function numberOf(form: FormData, name: string): number | null {
  const text = textOf(form, name);
  return text === null ? null : Number(text);
}

/** The fields that differ from what was there. */
export function changed<T extends object>(before: Partial<T>, after: T): Partial<T> {
  const names = Object.keys(after) as (keyof T)[];
  return Object.fromEntries(
    names.filter((name) => after[name] !== before[name]).map((name) => [name, after[name]]),
  ) as Partial<T>;
}

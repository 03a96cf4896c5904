/** Some fields of a row; one that is absent or undefined stays as it is. */
export type Change<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** The row as it will be. */
export function applyChange<T extends object>(row: T, change: Change<T>): T {
  const given = Object.entries(change).filter(([, value]) => value !== undefined);
  return { ...row, ...Object.fromEntries(given) };
}

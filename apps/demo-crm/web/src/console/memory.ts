const UNITS: Readonly<Record<string, number>> = {
  B: 1 / 1_048_576,
  KB: 1 / 1_024,
  MB: 1,
  GB: 1_024,
  TB: 1_048_576,
};

/** `15.2MB`, as the cache says it, in megabytes; `null` for anything else. */
export function parseMegabytes(text: string | undefined): number | null {
  const found = /^([\d.]+)\s*([KMGT]?B)$/.exec(text ?? "");
  return found ? Number(found[1]) * (UNITS[found[2]!] ?? 1) : null;
}

export const megabytes = (value: number): string =>
  value === 0
    ? "0"
    : value < 1
      ? `${Math.round(value * 1_024)} KB`
      : `${value < 10 ? Number(value.toFixed(2)) : Math.round(value)} MB`;

/** What the cache says of the memory, as people write it. */
export function memoryText(text: string): string {
  const value = parseMegabytes(text);
  return value === null ? text : megabytes(value);
}

/** Steps of an axis in megabytes that are whole numbers of kilobytes and megabytes: from 1 KB to 32 GB. */
export const MEMORY_STEPS: readonly number[] = Array.from({ length: 26 }, (_, power) => 2 ** (power - 10));

/** Steps of an axis that counts. */
export const COUNT_STEPS: readonly number[] = Array.from({ length: 9 }, (_, power) =>
  [1, 2, 5].map((digit) => digit * 10 ** power),
).flat();

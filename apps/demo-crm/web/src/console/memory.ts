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
  value < 1 ? `${Math.round(value * 1_024)} KB` : `${value < 10 ? value.toFixed(1) : Math.round(value)} MB`;

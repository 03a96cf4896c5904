export const whole = (value: number | null | undefined): string =>
  value === null || value === undefined ? "–" : value.toLocaleString("en-US");

/** Dollars without cents. */
export const dollars = (value: number | null | undefined): string =>
  value === null || value === undefined ? "–" : `$${Math.round(value).toLocaleString("en-US")}`;

const COMPACT = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });
export const compactDollars = (value: number | null | undefined): string =>
  value === null || value === undefined ? "–" : `$${COMPACT.format(value)}`;

export const millions = (value: number | null | undefined): string =>
  value === null || value === undefined
    ? "–"
    : `$${value.toLocaleString("en-US", { minimumFractionDigits: 1, maximumFractionDigits: 1 })} M`;

export const percent = (share: number | null | undefined, digits = 1): string =>
  share === null || share === undefined ? "–" : `${(share * 100).toFixed(digits)}%`;

/** Three figures are what a timer of a busy machine is good for. */
export function milliseconds(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || Number.isNaN(ms)) return "–";
  if (ms < 0.1) return `${Math.round(ms * 1000)} µs`;
  return `${ms < 10 ? ms.toFixed(2) : ms < 100 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

export function times(ratio: number | null | undefined): string {
  if (ratio === null || ratio === undefined || !Number.isFinite(ratio)) return "–";
  return `${ratio < 10 ? ratio.toFixed(1) : Math.round(ratio)}×`;
}

/** `2017-03-09` as people write it. */
export function day(value: string | null | undefined): string {
  if (!value) return "–";
  const date = new Date(`${value.slice(0, 10)}T00:00:00Z`);
  return date.toLocaleDateString("en-GB", {
    day: "numeric",
    month: "short",
    year: "numeric",
    timeZone: "UTC",
  });
}

export const clock = (value: string | Date): string => new Date(value).toLocaleTimeString("en-GB");

export const capitalize = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** Today in the calendar of whoever looks at the page. */
export function today(): string {
  const now = new Date();
  const two = (part: number) => String(part).padStart(2, "0");
  return `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
}

/** A span of time in the largest unit that it is whole numbers of. */
export function span(seconds: number): string {
  if (seconds % 3600 === 0) return `${whole(seconds / 3600)} h`;
  return seconds % 60 === 0 ? `${whole(seconds / 60)} min` : `${whole(seconds)} s`;
}

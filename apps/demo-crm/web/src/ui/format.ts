// By hand and not with `Intl`: the first formatter of a page costs a telephone a tenth of a second, and it is wanted before the first figure shows.
const grouped = (digits: string): string => digits.replace(/\B(?=(\d{3})+$)/g, ",");

export const whole = (value: number | null | undefined): string =>
  value === null || value === undefined ? "–" : grouped(String(Math.round(value)));

/** Dollars without cents. */
export const dollars = (value: number | null | undefined): string =>
  value === null || value === undefined ? "–" : `$${whole(value)}`;

const UNITS = ["", "K", "M", "B", "T"] as const;

/** Of what is not negative, with one decimal at most, in the largest unit that leaves a one before the point once it is rounded: `$1.2M`. */
export function compactDollars(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  let unit = 0;
  const tenths = () => Math.round(value / (1000 ** unit / 10));
  while (Math.abs(tenths()) >= 10_000 && unit < UNITS.length - 1) unit++;
  return `$${tenths() / 10}${UNITS[unit]}`;
}

export function millions(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  const [before = "", after] = (Math.round(value * 10) / 10).toFixed(1).split(".");
  return `$${grouped(before)}.${after}M`;
}

export const percent = (share: number | null | undefined, digits = 1): string =>
  share === null || share === undefined ? "–" : `${(share * 100).toFixed(digits)}%`;

/** Three figures are what a timer of a busy machine is good for. */
export function milliseconds(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || Number.isNaN(ms)) return "–";
  // The unit stays on the line of its figure.
  if (ms < 0.1) return `${Math.round(ms * 1000)}\u00a0µs`;
  return `${ms < 10 ? ms.toFixed(2) : ms < 100 ? ms.toFixed(1) : Math.round(ms)}\u00a0ms`;
}

export function times(ratio: number | null | undefined): string {
  if (ratio === null || ratio === undefined || !Number.isFinite(ratio)) return "–";
  return `${ratio < 10 ? ratio.toFixed(1) : Math.round(ratio)}×`;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sept", "Oct", "Nov", "Dec"];

/** `2017-03-09` as people write it. */
export function day(value: string | null | undefined): string {
  if (!value) return "–";
  const [year, month, date] = value.slice(0, 10).split("-");
  return `${Number(date)} ${MONTHS[Number(month) - 1]} ${year}`;
}

const two = (part: number) => String(part).padStart(2, "0");

/** The time of day where whoever looks at it is. */
export function clock(value: string | Date): string {
  const at = new Date(value);
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(":");
}

export const capitalize = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** Today in the calendar of whoever looks at the page. */
export function today(): string {
  const now = new Date();
  return `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
}

/** A span of time in the largest unit that it is whole numbers of. */
export function span(seconds: number): string {
  if (seconds % 3600 === 0) return `${whole(seconds / 3600)} h`;
  return seconds % 60 === 0 ? `${whole(seconds / 60)} min` : `${whole(seconds)} s`;
}

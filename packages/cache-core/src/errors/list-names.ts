import { truncateKey } from "../redact.ts";

/** Names for a message: the first few, quoted and cut, and how many more there are. */
export function listNames(noun: string, names: readonly string[]): string {
  const shown = names.slice(0, 3).map((name) => `"${truncateKey(name)}"`);
  const more = names.length > shown.length ? ` and ${names.length - shown.length} more` : "";
  return `${noun}${names.length === 1 ? "" : "s"} ${shown.join(", ")}${more}`;
}

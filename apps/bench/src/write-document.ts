import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { Scenario } from "./scenario.ts";

const DOCUMENT = new URL("../../../docs/benchmarks.md", import.meta.url);

const HEAD = `# Benchmarks

This repository's cache against its peers, and against the limit that the client library or the machine sets.
\`apps/bench\` makes every figure on this page; each section names the conditions and the command that made it.

How to read them: contenders take turns, round by round, each time in a fresh process against a fresh redis-server.
Figures are medians over the rounds with the range in parentheses. *ratio* is the median of the ratios to the limit
within the same round; trust it before the absolute figures, and call two throughputs equal that differ by less than
30%. Commands, bytes and counts are exact.
`;

/** Replaces the sections of the given scenarios and leaves the others as they are. */
export function writeDocument(all: readonly Scenario[], sections: ReadonlyMap<string, string>): void {
  const old = existsSync(DOCUMENT) ? readFileSync(DOCUMENT, "utf8") : "";
  const body = all.flatMap(({ name }) => {
    const open = `<!-- bench:${name} -->`;
    const close = `<!-- /bench:${name} -->`;
    const kept = old.includes(open)
      ? old.slice(old.indexOf(open) + open.length, old.indexOf(close)).trim()
      : undefined;
    const text = sections.get(name) ?? kept;
    return text === undefined ? [] : [`${open}\n${text.trim()}\n${close}\n`];
  });
  writeFileSync(DOCUMENT, [HEAD, ...body].join("\n"));
}

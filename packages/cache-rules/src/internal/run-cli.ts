import { parseArgs } from "node:util";
import type { RulesReport } from "../check-rules.ts";
import { checkRules } from "../check-rules.ts";
import { drawRules } from "../draw-rules.ts";
import { InvalidRulesError } from "../errors.ts";
import { loadRules } from "../load-rules.ts";

const USAGE = `Usage:
  cache-rules check <rules.yaml> [--depth n] [--max-share 0..1] [--strict] [--json]
  cache-rules draw <rules.yaml> [--format mermaid|dot]

check ends with 0 when there are no errors (with --strict: no warnings either), 1 when there are, and 2 when the rules or
the arguments cannot be read.
`;

export interface CliOutput {
  out(text: string): void;
  err(text: string): void;
}

/** Runs the command line. Resolves to the exit code. */
export async function runCli(args: readonly string[], { out, err }: CliOutput): Promise<number> {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        depth: { type: "string", default: "1" },
        "max-share": { type: "string", default: "1" },
        strict: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
        format: { type: "string", default: "mermaid" },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    if (values.help) {
      out(USAGE);
      return 0;
    }
    const [command, path, ...rest] = positionals;
    const depth = numberOf(values.depth);
    const maxShare = numberOf(values["max-share"]);
    const { format } = values;
    const known = command === "check" || command === "draw";
    if (!known || path === undefined || rest.length > 0) return refuse("a command and one file are needed");
    if (!Number.isInteger(depth) || depth < 0 || depth > 16)
      return refuse("--depth is a whole number from 0 to 16");
    if (!(maxShare >= 0 && maxShare <= 1)) return refuse("--max-share is a number from 0 to 1");
    if (format !== "mermaid" && format !== "dot") return refuse("--format is mermaid or dot");
    const rules = await loadRules(path);
    if (command === "draw") {
      out(drawRules(rules, { format }));
      return 0;
    }
    const report = checkRules(rules, { cascadeDepth: depth, maxShare });
    out(values.json ? `${JSON.stringify(report, null, 2)}\n` : textOf(path, report));
    return report.errors > 0 || (values.strict && report.warnings > 0) ? 1 : 0;
  } catch (error) {
    if (InvalidRulesError.isInstance(error)) err(`${error.message}\n`);
    else return refuse(error instanceof Error ? error.message : String(error));
    return 2;
  }

  function refuse(reason: string): number {
    err(`${reason}\n\n${USAGE}`);
    return 2;
  }
}

/** `Number("")` is 0: an empty variable of a script would be a bound. */
function numberOf(text: string): number {
  return text.trim() === "" ? Number.NaN : Number(text);
}

function textOf(path: string, report: RulesReport): string {
  const lines = report.findings.map(({ level, code, entity, pattern, message }) => {
    const about = pattern === undefined ? entity : `${entity} ${pattern}`;
    return `${level.padEnd(7)} ${code.padEnd(16)} ${about}: ${message}`;
  });
  const radii = report.blastRadius.map(({ entity, events, entities, whole, endsSessions }) => {
    const verbs = events.map((event) => event.slice("entity:".length)).join(", ");
    const wholly = whole.length === 0 ? "nothing wholly" : `${whole.join(", ")} wholly`;
    return `  ${entity} (${verbs}): ${entities.length} reached; ${wholly}${endsSessions ? "; ends sessions" : ""}`;
  });
  const { errors, warnings } = report;
  return [
    ...lines,
    "",
    "A change takes:",
    ...radii,
    "",
    `${path}: ${errors} errors, ${warnings} warnings`,
    "",
  ].join("\n");
}

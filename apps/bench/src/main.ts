import { parseArgs } from "node:util";
import { describeVersions, observeConditions } from "./conditions.ts";
import { formatCase, formatCriteria } from "./format-tables.ts";
import { roundsOf, runScenario } from "./run-scenario.ts";
import { type CaseSummary, type Criterion, OURS, type Scenario, type Settings } from "./scenario.ts";
import { SCENARIOS } from "./scenarios/index.ts";
import { writeDocument } from "./write-document.ts";

const USAGE = `pnpm bench [options]

  --scenario a,b   only these: ${SCENARIOS.map(({ name }) => name).join(", ")}
  --rounds N       rounds, 1 to 99 (5; 3 with --quick)
  --quick          under 90 seconds: fewer contenders, shorter measurements
  --full           also a million entries in "tags" (10 minutes more)
  --only a,b       only contenders whose label contains one of these, e.g. ${OURS}
  --check          exit with 1 when a promise is not kept
  --write          write the results into docs/benchmarks.md
  --source         run the packages from src instead of dist
  --profile DIR    write a CPU profile of every process of a contender into DIR
`;

const { values } = parseArgs({
  // pnpm 12 hands a "--" through.
  args: process.argv.slice(2).filter((argument) => argument !== "--"),
  options: {
    scenario: { type: "string" },
    rounds: { type: "string" },
    quick: { type: "boolean", default: false },
    full: { type: "boolean", default: false },
    only: { type: "string" },
    check: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
    source: { type: "boolean", default: false },
    profile: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

if (values.help) {
  console.log(USAGE);
  process.exit(0);
}

const scenarios = selectScenarios(values.scenario);
const rounds = Number(values.rounds ?? (values.quick ? 3 : 5));
if (!Number.isInteger(rounds) || rounds < 1 || rounds > 99) fail(`--rounds ${values.rounds} is not 1 to 99`);

const settings: Settings = {
  quick: values.quick,
  full: values.full,
  warmMs: values.quick ? 250 : 2_000,
  measureMs: values.quick ? 250 : 600,
};
const nodeArguments = [
  ...(values.source ? ["--conditions=@crm/source"] : []),
  ...(values.profile ? ["--cpu-prof", `--cpu-prof-dir=${values.profile}`] : []),
];

const sections = new Map<string, string>();
const broken: Criterion[] = [];
for (const scenario of scenarios) {
  const began = performance.now();
  const conditions = await observeConditions();
  const summaries = await runScenario(scenario, {
    settings,
    rounds,
    only: values.only?.split(",") ?? [],
    nodeArguments,
    onProgress: (text) => {
      if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${text}`);
    },
    onFailure: (text) => {
      process.exitCode = 1;
      console.error(`\n${text}`);
    },
  });
  const done = roundsOf(scenario, { rounds, settings });
  const seconds = Math.round((performance.now() - began) / 1000);
  const criteria = scenario.criteria(summaries);
  broken.push(...criteria.filter(({ kept }) => !kept));
  const section = formatSection(scenario, summaries, criteria, [
    `Conditions: ${conditions.end(done === 1 ? "1 round" : `${done} rounds`, `${values.quick ? "quick, " : ""}${seconds} s`)}.`,
    `Versions: ${describeVersions()}.`,
    `Reproduce: \`${reproduce(scenario)}\`.`,
  ]);
  sections.set(scenario.name, section);
  console.log(`${section}\n`);
}
if (values.write) writeDocument(SCENARIOS, sections);
if (values.check && broken.length > 0) process.exitCode = 1;

function selectScenarios(names: string | undefined): readonly Scenario[] {
  const wanted = names?.split(",");
  const unknown = wanted?.find((name) => !SCENARIOS.some((scenario) => scenario.name === name));
  if (unknown !== undefined) fail(`there is no scenario "${unknown}"`);
  return SCENARIOS.filter(({ name }) => wanted?.includes(name) ?? true);
}

function fail(reason: string): never {
  console.error(`${reason}\n\n${USAGE}`);
  process.exit(2);
}

function reproduce(scenario: Scenario): string {
  const flags = [
    values.quick && "--quick",
    values.full && "--full",
    values.only && `--only "${values.only}"`,
  ];
  return [
    "npx pnpm@12 bench",
    `--scenario ${scenario.name}`,
    `--rounds ${rounds}`,
    ...flags.filter(Boolean),
  ].join(" ");
}

function formatSection(
  scenario: Scenario,
  summaries: readonly CaseSummary[],
  criteria: readonly Criterion[],
  conditions: readonly string[],
): string {
  const notes = new Map(
    summaries.flatMap(({ rows }) => rows.map(({ label, note }) => [label, note] as const)),
  );
  return [
    `## ${scenario.name}: ${scenario.title}`,
    scenario.about,
    ...summaries.flatMap((summary) => [
      `### ${scenario.name}, ${summary.name}`,
      formatCase(scenario, summary),
    ]),
    ...(criteria.length > 0 ? ["### Promises", formatCriteria(criteria)] : []),
    conditions.map((line) => `- ${line}`).join("\n"),
    [...notes].map(([label, note]) => `- **${label}**: ${note}.`).join("\n"),
  ].join("\n\n");
}

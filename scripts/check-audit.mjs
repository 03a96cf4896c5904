// Known vulnerabilities of everything that is installed: one that is high or critical fails.
//
// A registry need not answer that question; many a mirror does not. Then nothing was checked, and the last line says so.
//
//   --require   that is a failure, too

import { parseArgs } from "node:util";
import { run } from "./lib/run.mjs";
import { root } from "./lib/workspace.mjs";

const { values: flags } = parseArgs({ options: { require: { type: "boolean", default: false } } });

const { code, output, stdout } = await run("pnpm", ["audit", "--audit-level=high", "--json"], {
  cwd: root,
  // Asked once: a registry that cannot answer does not learn it by being asked again.
  env: { pnpm_config_fetch_retries: "0" },
  timeoutMs: 60_000,
  quiet: true,
});
const report = parse(stdout);
if (!report) {
  console.log(output.trim());
  console.log("NOT CHECKED: the registry answers no audit.");
  if (flags.require) process.exitCode = 1;
} else {
  for (const { severity, module_name: name, vulnerable_versions: range, title, url } of Object.values(
    report.advisories,
  )) {
    console.log(`${severity}: ${name} ${range}: ${title} (${url})`);
  }
  const { high, critical } = report.metadata.vulnerabilities;
  console.log(`${high} high, ${critical} critical`);
  // pnpm knows which advisories the workspace has decided to ignore.
  if (code !== 0) process.exitCode = 1;
}

/**
 * @param {string} text
 * @returns {{ advisories: Record<string, Record<string, string>>, metadata: { vulnerabilities: Record<string, number> } } | undefined}
 */
function parse(text) {
  try {
    const found = JSON.parse(text);
    return found.metadata?.vulnerabilities ? found : undefined;
  } catch {
    return undefined;
  }
}

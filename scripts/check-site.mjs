// Builds the site of the documentation and looks at it in a browser, which is installed where that may be done. Nothing of it is
// published from here.

import { ensureChromium } from "./lib/find-chromium.mjs";
import { run } from "./lib/run.mjs";
import { root } from "./lib/workspace.mjs";

await ensureChromium();
const { code } = await run("pnpm", ["--filter", "docs", "check"], { cwd: root });
process.exitCode = code;

import { aptInstall, canInstall } from "./apt.mjs";
import { which } from "./run.mjs";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/**
 * Makes sure that there is a browser for the tests of the demo: that of TEST_CHROMIUM, one on the PATH, or one that is
 * installed here and now. Without any it says nothing: those tests fail by themselves and say what to do.
 */
export async function ensureChromium() {
  if (process.env.TEST_CHROMIUM || NAMES.some((name) => which(name)) || !canInstall()) return;
  await aptInstall(["chromium"]);
}

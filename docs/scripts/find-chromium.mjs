import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/**
 * The browser of TEST_CHROMIUM, or one on the PATH.
 *
 * @returns {string}
 */
export function findChromium() {
  const { TEST_CHROMIUM, PATH = "" } = process.env;
  const candidates = TEST_CHROMIUM
    ? [TEST_CHROMIUM]
    : PATH.split(delimiter).flatMap((folder) => NAMES.map((name) => join(folder, name)));
  const found = candidates.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
  if (found) return found;
  throw new Error(
    "Looking at the site needs Chromium and found none: apt-get install chromium, or set TEST_CHROMIUM to its path",
  );
}

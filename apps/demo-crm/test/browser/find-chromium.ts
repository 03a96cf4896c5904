import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/** The browser of TEST_CHROMIUM, or one on the PATH. The tests are never skipped. */
export function findChromium(): string {
  const { TEST_CHROMIUM, PATH = "" } = process.env;
  const candidates = TEST_CHROMIUM
    ? [TEST_CHROMIUM]
    : PATH.split(delimiter).flatMap((folder) => NAMES.map((name) => join(folder, name)));
  for (const path of candidates) {
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // The next one may be there.
    }
  }
  throw new Error(
    TEST_CHROMIUM
      ? `TEST_CHROMIUM names ${TEST_CHROMIUM}, which cannot be run`
      : "The tests in a browser need Chromium and found none: apt-get install chromium, or set TEST_CHROMIUM to its path",
  );
}

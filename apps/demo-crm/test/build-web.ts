import { build } from "vite";

/** Before all tests: the web app as the build makes it, so that what is tested is what is served. */
export default async function buildWeb(): Promise<void> {
  const { NODE_ENV } = process.env;
  // What the test runner says here would make React's development version of it.
  process.env.NODE_ENV = "production";
  try {
    await build({ configFile: new URL("../web/vite.config.ts", import.meta.url).pathname, logLevel: "warn" });
  } finally {
    process.env.NODE_ENV = NODE_ENV;
  }
}

import type { TestProject } from "vitest/node";
import buildWeb from "./build-web.ts";
import importOnce from "./import-once.ts";

/** Before all tests: what they share. A process of its own imports the data while this one builds the web app. */
export default async function prepare(project: TestProject): Promise<() => Promise<void>> {
  const [forget] = await Promise.all([importOnce(project), buildWeb()]);
  return forget;
}

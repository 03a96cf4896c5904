// Which files of the repository are pages of the site, and where the sidebar lists them.

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { publishedPackages, root } from "./repository.mjs";

/**
 * @typedef {object} Page
 * @property {string} source its file, from the root of the repository
 * @property {string} page its file among the pages of the site
 * @property {string} section where the sidebar lists it; "" leaves it out
 * @property {string} [title] for the sidebar; by default its first heading
 * @property {RegExp} [listed] headings that the sidebar lists below it
 */

/**
 * In the order of the sidebar. Those that grow begin closed.
 *
 * @type {readonly { name: string, closed?: boolean }[]}
 */
export const SECTIONS = [
  { name: "Start" },
  { name: "Guide" },
  { name: "Packages" },
  { name: "Running it" },
  { name: "Reference" },
  { name: "API" },
  { name: "Measurements", closed: true },
  { name: "Decisions", closed: true },
  { name: "Project", closed: true },
];

/** @returns {Page[]} in the order of the sidebar */
export function sitePages() {
  return [
    page("docs/index.md", "index.md", ""),
    page("docs/quick-start.md", "quick-start.md", "Start"),
    page("README.md", "overview.md", "Start", "Overview"),
    { ...page("docs/migrating/README.md", "migrating/index.md", "Start"), listed: /^From / },
    page("README.sr.md", "sr.md", "Start", "Na srpskom"),
    ...folder("docs/guide", "guide", "Guide"),
    ...publishedPackages().map(({ path, manifest }) =>
      page(`${path}/README.md`, `packages/${manifest.name.replace("@crm/", "")}.md`, "Packages"),
    ),
    ...folder("docs/operations", "operations", "Running it").map((found) =>
      found.page.endsWith("index.md")
        ? { ...found, listed: /^(Which|How much|What to watch|Alerts|When a line)/ }
        : found,
    ),
    page("SECURITY.md", "security.md", "Running it"),
    { ...page("docs/architecture.md", "architecture.md", "Reference"), listed: /^Keys in Redis/ },
    page("docs/errors.md", "errors.md", "Reference"),
    page("docs/benchmarks.md", "benchmarks.md", "Measurements"),
    ...folder("docs/measurements", "measurements", "Measurements"),
    ...folder("docs/decisions", "decisions", "Decisions"),
    page("apps/demo-crm/README.md", "project/demo-crm.md", "Project"),
    page("apps/bench/README.md", "project/bench.md", "Project"),
    page("packages/testkit/README.md", "project/testkit.md", "Project"),
    page("CONTRIBUTING.md", "project/contributing.md", "Project"),
    page("CODE_OF_CONDUCT.md", "project/code-of-conduct.md", "Project"),
  ];
}

/**
 * @param {string} source
 * @param {string} target
 * @param {string} section
 * @param {string} [title]
 * @returns {Page}
 */
function page(source, target, section, title) {
  return title === undefined ? { source, page: target, section } : { source, page: target, section, title };
}

/**
 * @param {string} source a folder that need not exist
 * @param {string} target
 * @param {string} section
 * @returns {Page[]} its pages, the README first, which becomes the index
 */
function folder(source, target, section) {
  if (!existsSync(join(root, source))) return [];
  const names = readdirSync(join(root, source)).filter((name) => name.endsWith(".md"));
  const isIndex = (/** @type {string} */ name) => name === "README.md";
  return [...names.filter(isIndex), ...names.filter((name) => !isIndex(name)).sort()].map((name) =>
    page(`${source}/${name}`, `${target}/${isIndex(name) ? "index.md" : name}`, section),
  );
}

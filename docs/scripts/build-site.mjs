// Builds the site into docs/.vitepress/dist: the API reference, the pages, VitePress (which refuses a dead link), and then
// a look at every link to a heading, which VitePress does not check.
//
//   node scripts/build-site.mjs [--serve]    --serve: shows the pages in a browser instead, and again when a document changes
//
// DOCS_BASE is where the site is served from, for a host that does not serve it from its root: "/cache/".

import { mkdirSync, rmSync, watch, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { build, createServer } from "vitepress";
import { buildApi } from "./build-api.mjs";
import { checkAnchors } from "./check-anchors.mjs";
import { root } from "./repository.mjs";
import { SECTIONS, sitePages } from "./site-pages.mjs";
import { slugify } from "./slugify.mjs";
import { stageFiles, stagePages } from "./stage-pages.mjs";

const docs = dirname(import.meta.dirname);
const staged = join(docs, ".pages");
const startedAt = performance.now();
const elapsed = () => `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;

rmSync(staged, { recursive: true, force: true });
mkdirSync(staged, { recursive: true });
const api = await buildApi(join(staged, "api"));
console.log(`API reference of ${api.length} entry points after ${elapsed()}`);
const pages = stagePages(staged);
stageFiles(staged);

const sidebar = SECTIONS.map(({ name, closed }) => ({
  text: name,
  collapsed: closed ?? false,
  items:
    name === "API"
      ? api.map((found) => linkTo({ ...found, headings: [] }))
      : pages.filter(({ section }) => section === name).map(linkTo),
}));
writeFileSync(join(docs, ".vitepress/sidebar.json"), JSON.stringify(sidebar));

/** @param {{ page: string, title: string, headings: string[] }} found */
function linkTo({ page, title, headings }) {
  const link = `/${page.replace(/(index)?\.md$/, "")}`;
  if (headings.length === 0) return { text: title, link };
  const items = headings.map((heading) => ({ text: heading, link: `${link}#${slugify(heading)}` }));
  return { text: title, link, items, collapsed: true };
}

if (process.argv.includes("--serve")) {
  const server = await createServer(docs);
  await server.listen();
  server.printUrls();
  // Folders, since editors replace files.
  for (const folder of new Set(sitePages().map(({ source }) => dirname(source)))) {
    watch(join(root, folder), (_, name) => {
      if (name?.endsWith(".md")) stagePages(staged);
    });
  }
} else {
  await build(docs);
  const problems = checkAnchors(join(docs, ".vitepress/dist"), process.env.DOCS_BASE);
  for (const problem of problems) console.error(problem);
  console.log(`${pages.length + api.length} pages after ${elapsed()}`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}

// Copies the pages to where VitePress reads them, with links that lead from page to page.
//
// The documents are written for a reader of the repository, so their links are paths of files. On the site a link to a
// file that is a page leads to that page; one to a folder leads to its README; one to anything else keeps its words and loses
// the link, for the site has no such file. A link that leads nowhere at all is left alone, and VitePress refuses it.

import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join, posix } from "node:path";
import { root } from "./repository.mjs";
import { sitePages } from "./site-pages.mjs";

/** @typedef {import("./site-pages.mjs").Page} Page */

const LINK = /(!?)\[((?:!\[[^\]\n]*\]\([^)\s]+\)|[^\]\n])*)\]\(([^)\s]+)\)/g;
const FENCES = /^(```[\s\S]*?^```[^\S\n]*$)/gm;
const COMMENT = /<!--[\s\S]*?-->\n*/g;
/** What the site offers as files, beside the pictures of docs/public. */
const FILES = ["docs/operations/grafana-dashboard.json", "docs/operations/alerts.yaml"];

/**
 * @param {string} destination
 * @returns {{ page: string, section: string, title: string, headings: string[] }[]} `headings` are those to be listed
 */
export function stagePages(destination) {
  const pages = sitePages();
  const bySource = new Map(pages.map((found) => [found.source, found.page]));
  return pages.map((found) => {
    const text = readFileSync(join(root, found.source), "utf8");
    const file = join(destination, found.page);
    mkdirSync(dirname(file), { recursive: true });
    const staged = toPage(text, found, bySource);
    // VitePress rebuilds a page when its file has changed, so one that has not is left alone.
    if (!existsSync(file) || readFileSync(file, "utf8") !== staged) writeFileSync(file, staged);
    const { page, section, title = titleOf(text, page), listed } = found;
    const headings = [...text.matchAll(/^#{2,3} (.+)$/gm)].map(([, heading = ""]) => heading);
    return { page, section, title, headings: headings.filter((heading) => listed?.test(heading)) };
  });
}

/** @param {string} destination */
export function stageFiles(destination) {
  const files = join(destination, "public");
  cpSync(join(root, "docs/public"), files, { recursive: true });
  for (const file of FILES) cpSync(join(root, file), join(files, basename(file)));
  // Diagrams are drawn by the reader's browser. The library is copied as it is: bundling it takes longer than all the rest.
  cpSync(new URL(import.meta.resolve("@mermaid-js/tiny")).pathname, join(files, "mermaid.js"));
}

/**
 * @param {string} text a document of the repository
 * @param {Page} from
 * @param {ReadonlyMap<string, string>} bySource the pages, by the path of their documents
 * @returns {string} the page: without comments, which are for those who edit, and with links of the site
 */
export function toPage(text, from, bySource) {
  return text
    .split(FENCES)
    .map((part) => (part.startsWith("```") ? part : rewriteLinks(part.replace(COMMENT, ""), from, bySource)))
    .join("");
}

/**
 * @param {string} text
 * @param {Page} from
 * @param {ReadonlyMap<string, string>} bySource
 * @returns {string}
 */
function rewriteLinks(text, from, bySource) {
  return text.replace(LINK, (whole, image, words, link) => {
    if (/^([a-z]+:|#|\/)/i.test(link)) return whole;
    const inner = words.startsWith("![") ? rewriteLinks(words, from, bySource) : words;
    const [path = "", heading] = link.split("#");
    const target = posix.join(posix.dirname(from.source), path).replace(/\/$/, "");
    if (image || target.startsWith("docs/public/")) {
      return `${image}[${inner}](/${target.replace(/^docs\/public\//, "")})`;
    }
    if (FILES.includes(target)) return `[${inner}](/${basename(target)})`;
    const page = bySource.get(target) ?? bySource.get(`${target}/README.md`);
    if (page) return `[${inner}](/${page}${heading ? `#${heading}` : ""})`;
    return existsSync(join(root, target)) ? inner : whole;
  });
}

/**
 * @param {string} text
 * @param {string} page
 * @returns {string}
 */
function titleOf(text, page) {
  const heading = /^# (.+)$/m.exec(text)?.[1] ?? page;
  return heading.replace(/`/g, "");
}

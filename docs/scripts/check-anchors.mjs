import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";

/**
 * Finds links to headings that are not there, in the pages of a built site. VitePress looks at pages only.
 *
 * @param {string} site
 * @param {string} [base] where it is to be served
 * @returns {string[]} one line for each
 */
export function checkAnchors(site, base = "/") {
  const pages = new Map(
    readdirSync(site, { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".html") && path !== "404.html")
      .map((path) => {
        const html = readFileSync(join(site, path), "utf8");
        return [
          `${base}${path}`,
          { html, ids: new Set([...html.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id)) },
        ];
      }),
  );
  const problems = new Set();
  for (const [path, { html }] of pages) {
    for (const [, href = ""] of html.matchAll(/<a [^>]*?href="([^"]*#[^"]+)"/g)) {
      if (/^[a-z]+:/.test(href)) continue;
      const [target = "", heading = ""] = href.split("#");
      const page = target ? posix.join(target.startsWith("/") ? "/" : posix.dirname(path), target) : path;
      const file = page.endsWith("/") ? `${page}index.html` : page;
      if (!pages.get(file)?.ids.has(decodeURIComponent(heading)))
        problems.add(`${path}: ${href} has no such heading`);
    }
  }
  return [...problems];
}

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "vitepress";
import { slugify } from "../scripts/slugify.mjs";

const sidebar = join(import.meta.dirname, "sidebar.json");
if (!existsSync(sidebar))
  throw new Error("No pages: run `pnpm docs:build` or `pnpm docs:dev`, which make them");

const base = (process.env.DOCS_BASE ?? "/") as `/${string}/`;

export default defineConfig({
  title: "@crm/cache",
  description: "A caching toolkit for Node over Redis or memory",
  lang: "en",
  srcDir: ".pages",
  base,
  head: [["link", { rel: "icon", href: `${base}logo.svg`, type: "image/svg+xml" }]],
  metaChunk: true,
  // The index of the search is one file, fetched when a search begins.
  vite: { build: { chunkSizeWarningLimit: 2_000 } },
  markdown: {
    anchor: { slugify },
    config(md) {
      const fence = md.renderer.rules.fence;
      md.renderer.rules.fence = (tokens, index, options, env, self) => {
        const token = tokens[index];
        if (token?.info.trim() === "mermaid") {
          return `<MermaidDiagram source="${encodeURIComponent(token.content)}" />`;
        }
        // `ts run` marks a program that a test runs; the page needs only the language.
        if (token) token.info = token.info.replace(/^(\w+) run$/, "$1");
        return fence ? fence(tokens, index, options, env, self) : "";
      };
    },
  },
  themeConfig: {
    logo: "/logo.svg",
    search: {
      provider: "local",
      options: {
        // For the index pages are rendered once more; without colours that takes half the time.
        _render(source, env, md) {
          const { highlight } = md.options;
          md.set({ highlight: null });
          try {
            return md.render(source, env);
          } finally {
            md.set({ highlight: highlight ?? null });
          }
        },
        miniSearch: {
          options: {
            // Names are found by their parts as well: `acquireLock` by "lock", `LOCK_BUSY` by "busy". VitePress moves this
            // function into the page as text, so it must not refer to anything outside.
            tokenize: (text) =>
              text.split(/[\s\p{P}\p{S}]+/u).flatMap((word) => {
                const parts = word.split(/(?<=[\p{Ll}\d])(?=\p{Lu})/u);
                return parts.length > 1 ? [word, ...parts] : [word];
              }),
          },
          searchOptions: { boost: { title: 4, text: 1, titles: 1 }, fuzzy: 0.15, prefix: true },
        },
      },
    },
    outline: [2, 3],
    nav: [
      { text: "Quick start", link: "/quick-start" },
      { text: "Guide", link: "/guide/" },
      { text: "Packages", link: "/packages/cache-core" },
      { text: "API", link: "/api/" },
      { text: "Errors", link: "/errors" },
      { text: "Srpski", link: "/sr" },
    ],
    sidebar: JSON.parse(readFileSync(sidebar, "utf8")),
    footer: { message: "MIT licence" },
  },
});

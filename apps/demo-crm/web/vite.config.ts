import { readdir, readFile, writeFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliCompress, gzip } from "node:zlib";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";
import { drawPages } from "./build/draw-pages.ts";

const root = fileURLToPath(new URL(".", import.meta.url));

// The same interface in less code: the first script has 141 kB instead of 328, which a telephone has to run before anything works.
const resolve = {
  alias: {
    "react-dom/client": "preact/compat/client",
    "react-dom": "preact/compat",
    "react/jsx-runtime": "preact/jsx-runtime",
    react: "preact/compat",
  },
};

/** The stylesheet of the first page in the page itself: nothing else has to come before it shows. The policy names it by its hash. */
const inlineStyles: Plugin = {
  name: "inline-styles",
  apply: "build",
  transformIndexHtml: {
    order: "post",
    handler(html, { bundle = {} }) {
      return html.replace(/<link rel="stylesheet"[^>]*href="\/([^"]+)"[^>]*>/g, (link, name: string) => {
        const sheet = bundle[name];
        if (sheet?.type !== "asset") return link;
        delete bundle[name];
        return `<style>${String(sheet.source).trim()}</style>`;
      });
    },
  },
};

/** Beside each text its compressed forms, as small as they get: compressing takes long, and is done once. */
const precompress: Plugin = {
  name: "precompress",
  apply: "build",
  async writeBundle({ dir }) {
    const folder = String(dir);
    await drawPages(folder, { root, resolve });
    for (const name of await readdir(folder, { recursive: true })) {
      if (![".html", ".js", ".css", ".svg"].includes(extname(name))) continue;
      const file = join(folder, name);
      const body = await readFile(file);
      await writeFile(`${file}.br`, await promisify(brotliCompress)(body));
      await writeFile(`${file}.gz`, await promisify(gzip)(body, { level: 9 }));
    }
  },
};

export default defineConfig({
  root,
  plugins: [react(), inlineStyles, precompress],
  resolve,
  build: {
    // One stylesheet, which `inlineStyles` puts into the page: scripts that come later then do not ask for it.
    cssCodeSplit: false,
    outDir: fileURLToPath(new URL("../dist/web", import.meta.url)),
    emptyOutDir: true,
    // Says which files a page consists of: the server tells the browser before the script does.
    manifest: "manifest.json",
    target: "es2023",
    // `data:` is not allowed by the content security policy.
    assetsInlineLimit: 0,
  },
  server: { proxy: { "/api": "http://127.0.0.1:3000", "/docs": "http://127.0.0.1:3000" } },
});

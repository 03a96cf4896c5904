import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import react from "@vitejs/plugin-react";
import { build, type InlineConfig } from "vite";
import { NOT_FOUND_FILE, PAGE_ADDRESSES, pageFile } from "../../src/http/page-addresses.ts";

/** Writes into the folder for each address of the app the page that `index.html` becomes there, so that it shows before any script runs. */
export async function drawPages(
  folder: string,
  config: Pick<InlineConfig, "root" | "resolve">,
): Promise<void> {
  const html = await readFile(join(folder, "index.html"), "utf8");
  const drawPage = await loadDrawPage(config);
  const files = Object.entries(PAGE_ADDRESSES).map(
    ([address, modules]) => [address.replace(":id", "-"), pageFile(modules)] as const,
  );
  for (const [address, file] of [...files, ["/-", NOT_FOUND_FILE] as const]) {
    // In HTML, unlike in XML, drawings need no name space.
    const drawn = (await drawPage(address)).replaceAll(/ xmlns="[^"]*"/g, "");
    const heading = /<h1[^>]*>(.*?)<\/h1>/.exec(drawn)?.[1];
    const page = html
      .replace('<div id="root">', (root) => root + drawn)
      .replace("<title>", (title) => (heading ? `${title}${heading} · ` : title));
    await writeFile(join(folder, file), page);
  }
}

/** Builds the app for Node, in one script. */
async function loadDrawPage(
  config: Pick<InlineConfig, "root" | "resolve">,
): Promise<(path: string) => Promise<string>> {
  const outDir = await mkdtemp(join(tmpdir(), "demo-crm-pages-"));
  try {
    await build({
      ...config,
      configFile: false,
      logLevel: "warn",
      plugins: [react()],
      define: { "process.env.NODE_ENV": JSON.stringify("production") },
      ssr: { noExternal: true },
      build: {
        ssr: "src/draw-page.tsx",
        outDir,
        emptyOutDir: false,
        copyPublicDir: false,
        minify: false,
        rolldownOptions: { output: { codeSplitting: false, entryFileNames: "draw-page.mjs" } },
      },
    });
    const { drawPage } = await import(pathToFileURL(join(outDir, "draw-page.mjs")).href);
    return drawPage;
  } finally {
    await rm(outDir, { recursive: true });
  }
}

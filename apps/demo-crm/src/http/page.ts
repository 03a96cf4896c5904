import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { type Context, Hono } from "hono";
import { findAppRoot } from "../app-root.ts";
import { NOT_FOUND_FILE, PAGE_ADDRESSES, pageFile } from "./page-addresses.ts";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};

/** Where the build left the web app. */
export const webFolder = (): string => join(findAppRoot(), "dist", "web");

/**
 * The web app, as its build left it, compressed by it: each file is read when it is first asked for. Each file is a route of its own, so no
 * part of a URL ever becomes a path. Names below `assets` contain a hash of what is in them, and never need to be asked for again.
 */
export function pageRoutes(folder: string = webFolder()): Hono {
  const routes = new Hono();
  if (!existsSync(join(folder, "index.html"))) {
    const missing = "The web app is not built. Run `pnpm build` first; the API answers without it.\n";
    for (const address of Object.keys(PAGE_ADDRESSES)) routes.get(address, (c) => c.text(missing, 503));
    return routes;
  }
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const type = TYPES[extname(entry.name)];
    // Pages are served at the addresses of the app alone.
    if (!entry.isFile() || !type || type === TYPES[".html"]) continue;
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(folder.length).replaceAll("\\", "/");
    routes.get(name, fileAnswer(path, type, { isHashed: name.startsWith("/assets/") }));
  }
  const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")) as Manifest;
  for (const [address, modules] of Object.entries(PAGE_ADDRESSES)) {
    const files = new Set(modules.flatMap((module) => filesOf(manifest, `src/${module}.tsx`)));
    const link = [...files].map((file) => `</${file}>; rel=modulepreload`).join(", ");
    const page = join(folder, pageFile(modules));
    routes.get(address, fileAnswer(page, TYPES[".html"] as string, { isHashed: false, link }));
  }
  return routes;
}

/** What a browser is shown where the app has nothing to show; `undefined` for who does not ask for a page, or where none is built. */
export function notFoundPage(folder: string = webFolder()): (c: Context) => Response | undefined {
  const path = join(folder, NOT_FOUND_FILE);
  const headers = { "content-type": TYPES[".html"] as string, "cache-control": "no-cache", vary: "accept" };
  return (c) => {
    const asksForPage = c.req.method === "GET" && c.req.header("accept")?.includes("text/html");
    if (!asksForPage || c.req.path.startsWith("/api") || !existsSync(path)) return undefined;
    return c.body(readFileSync(path, "utf8"), 404, headers);
  };
}

/** As Vite writes it. */
type Manifest = Readonly<Record<string, { file: string; imports?: string[]; isEntry?: boolean } | undefined>>;

/** The scripts that a module consists of, without those of the page itself. */
function filesOf(manifest: Manifest, module: string, seen: Set<string> = new Set()): string[] {
  const found = manifest[module];
  if (found === undefined || found.isEntry || seen.has(module)) return [];
  seen.add(module);
  return [found.file, ...(found.imports ?? []).flatMap((each) => filesOf(manifest, each, seen))];
}

const ENCODINGS = [
  ["br", ".br"],
  ["gzip", ".gz"],
] as const;

function fileAnswer(
  path: string,
  type: string,
  { isHashed, link }: { readonly isHashed: boolean; readonly link?: string },
): (c: Context) => Response {
  const bodies = new Map<string, Uint8Array<ArrayBuffer>>();
  const read = (suffix: string) => {
    const body = bodies.get(suffix) ?? new Uint8Array(readFileSync(path + suffix));
    bodies.set(suffix, body);
    return body;
  };
  let etag: string | undefined;
  return (c) => {
    etag ??= `"${createHash("sha256").update(read("")).digest("base64url").slice(0, 22)}"`;
    const headers: Record<string, string> = {
      "content-type": type,
      etag,
      "cache-control": isHashed ? "public, max-age=31536000, immutable" : "no-cache",
      vary: "accept-encoding",
      ...(link ? { link } : {}),
    };
    if (c.req.header("if-none-match") === etag) return c.body(null, 304, headers);
    const accepted = c.req.header("accept-encoding") ?? "";
    const encoding = ENCODINGS.find(
      ([name, suffix]) => new RegExp(`\\b${name}\\b`).test(accepted) && existsSync(path + suffix),
    );
    if (encoding === undefined) return c.body(read(""), 200, headers);
    return c.body(read(encoding[1]), 200, { ...headers, "content-encoding": encoding[0] });
  };
}

/** What the page has in itself, as a content security policy names it: by hash. */
export function inlineHashes(element: "script" | "style", folder: string = webFolder()): string[] {
  const file = join(folder, "index.html");
  if (!existsSync(file)) return [];
  const found = readFileSync(file, "utf8").matchAll(new RegExp(`<${element}>([\\s\\S]*?)</${element}>`, "g"));
  return [...found].map(
    ([, text]) => `'sha256-${createHash("sha256").update(String(text)).digest("base64")}'`,
  );
}

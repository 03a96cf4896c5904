import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { type Context, Hono } from "hono";
import { findAppRoot } from "../app-root.ts";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};

/** What the app shows at which address; it finds its way from there by itself. Everything else is nothing, with a 404. */
const ADDRESSES = [
  ...["/", "/companies", "/companies/:id", "/deals", "/contacts", "/tasks", "/leads", "/quotes"],
  ...["/console", "/console/:page"],
];

const compress = promisify(gzip);

/**
 * The web app, as its build left it: read once, compressed when it is first asked for. Each file is a route of its own, so no
 * part of a URL ever becomes a path. Names below `assets` contain a hash of what is in them, and never need to be asked for again.
 */
export function pageRoutes(folder: string = join(findAppRoot(), "dist", "web")): Hono {
  const routes = new Hono();
  if (!existsSync(join(folder, "index.html"))) {
    const missing = "The web app is not built. Run `pnpm build` first; the API answers without it.\n";
    for (const address of ADDRESSES) routes.get(address, (c) => c.text(missing, 503));
    return routes;
  }
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const type = TYPES[extname(entry.name)];
    if (!entry.isFile() || !type) continue;
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(folder.length).replaceAll("\\", "/");
    const answer = fileAnswer(readFileSync(path), type, name.startsWith("/assets/"));
    for (const address of name === "/index.html" ? ADDRESSES : [name]) routes.get(address, answer);
  }
  return routes;
}

function fileAnswer(body: Buffer, type: string, isHashed: boolean): (c: Context) => Promise<Response> {
  const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
  const headers = {
    "content-type": type,
    etag,
    "cache-control": isHashed ? "public, max-age=31536000, immutable" : "no-cache",
    vary: "accept-encoding",
  };
  let small: Promise<Buffer> | undefined;
  return async (c) => {
    if (c.req.header("if-none-match") === etag) return c.body(null, 304, headers);
    // Fonts are compressed already.
    if (type === TYPES[".woff2"] || !/\bgzip\b/.test(c.req.header("accept-encoding") ?? ""))
      return c.body(new Uint8Array(body), 200, headers);
    small ??= compress(body);
    return c.body(new Uint8Array(await small), 200, { ...headers, "content-encoding": "gzip" });
  };
}

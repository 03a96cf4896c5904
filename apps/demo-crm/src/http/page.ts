import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { Hono } from "hono";
import { findAppRoot } from "../app-root.ts";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** The page: a handful of files, read once. Each is a route of its own, so no part of a URL ever becomes a path. */
export function pageRoutes(): Hono {
  const folder = join(findAppRoot(), "src", "page");
  const routes = new Hono();
  for (const file of readdirSync(folder)) {
    const type = TYPES[extname(file)];
    if (!type) continue;
    const body = readFileSync(join(folder, file));
    const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
    routes.get(file === "index.html" ? "/" : `/${file}`, (c) => {
      const headers = { "content-type": type, etag, "cache-control": "no-cache" };
      if (c.req.header("if-none-match") === etag) return c.body(null, 304, headers);
      return c.body(new Uint8Array(body), 200, headers);
    });
  }
  return routes;
}

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Hono } from "hono";
import type { Router } from "./router.ts";

const INFO = {
  title: "Demo CRM",
  version: "0.0.0",
  description:
    "Reading is open; writing needs a session: POST /api/session. Refusals are application/problem+json (RFC 9457).",
};

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Demo CRM: API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="api"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`;
const START = `SwaggerUIBundle({ url: "/openapi.json", dom_id: "#api", validatorUrl: null });\n`;

/** `GET /openapi.json`, and a page to try it at `GET /docs`, from this machine alone: nothing is loaded from elsewhere. */
export function docsRoutes(api: Router): Hono {
  const folder = dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"));
  let document: unknown;
  const routes = new Hono()
    .get("/openapi.json", (c) => {
      document ??= api.getOpenAPI31Document({ openapi: "3.1.0", info: INFO });
      return c.json(document as object);
    })
    .get("/docs", (c) => c.html(PAGE))
    .get("/docs/start.js", (c) => c.body(START, 200, { "content-type": "text/javascript; charset=utf-8" }));
  for (const [file, type] of [
    ["swagger-ui.css", "text/css; charset=utf-8"],
    ["swagger-ui-bundle.js", "text/javascript; charset=utf-8"],
  ] as const) {
    let body: Uint8Array<ArrayBuffer> | undefined;
    routes.get(`/docs/${file}`, (c) => {
      body ??= new Uint8Array(readFileSync(join(folder, file)));
      return c.body(body, 200, { "content-type": type, "cache-control": "max-age=86400" });
    });
  }
  return routes;
}

import { createHash } from "node:crypto";
import { brotliDecompressSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pageRoutes } from "../src/http/page.ts";
import { startApp, type TestApp } from "./start-app.ts";

let demo: TestApp;
beforeAll(async () => {
  demo = await startApp();
});
afterAll(() => demo.close());

const get = (path: string, headers: Record<string, string> = {}) => demo.app.request(path, { headers });

describe("the web app as it is served", () => {
  it("has no inline code but what the policy names, and everything that it refers to comes from this server", async () => {
    const page = await get("/");
    const html = await page.text();
    const policy = page.headers.get("content-security-policy")!;
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain("unsafe");
    expect(html).not.toMatch(/https?:\/\//);
    expect(html).not.toMatch(/\sstyle=|\son\w+=/);
    const inline = [...html.matchAll(/<(?:style|script)>([\s\S]*?)<\/(?:style|script)>/g)].map(
      (match) => match[1]!,
    );
    expect(inline).toHaveLength(2);
    expect(html.match(/<(?:style|script)\b(?![^>]*src=)/g)).toHaveLength(2);
    for (const text of inline)
      expect(policy).toContain(`'sha256-${createHash("sha256").update(text).digest("base64")}'`);
    const paths = [...html.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map((match) => match[1]!);
    expect(paths.length).toBeGreaterThan(4);
    for (const path of paths) expect((await get(path)).status, path).toBe(200);
  });

  it("is at every address what the app shows there before its data come, whoever asks; and nothing at others", async () => {
    const html = async (path: string) => (await get(path)).text();
    const outside = (page: string) => page.replace(/<title>.*?<\/title>|<div id="root">.*<\/div>/gs, "");
    const common = outside(await html("/"));
    const HEADED = {
      "/": "Overview",
      "/companies": "Companies",
      "/deals?deal=1": "Deals",
      "/console/entries": "Cache console",
    };
    for (const [path, title] of Object.entries(HEADED)) {
      const page = await html(path);
      expect(page, path).toContain(`<h1>${title}</h1>`);
      expect(page, path).toContain(`<title>${title} · Demo CRM</title>`);
      expect(page, path).toMatch(/<nav [^>]*aria-label="Main"/);
      expect(page, path).toContain("skeleton");
      expect(outside(page), path).toBe(common);
    }
    const company = await html("/companies/konex");
    expect(company).not.toContain("<h1>");
    expect(company).toBe(await html("/companies/hottechi"));
    for (const path of [
      "/nowhere",
      "/index.html",
      "/companies.html",
      "/companies/a/b",
      "/assets/",
      "/assets/..%2findex.html",
      "/api/nowhere",
    ]) {
      const response = await get(path);
      expect(response.status, path).toBe(404);
      expect(response.headers.get("content-type")).toContain("application/problem+json");
      const shown = await get(path, { accept: "text/html,*/*;q=0.8" });
      expect(shown.status, path).toBe(404);
      if (path.startsWith("/api"))
        expect(shown.headers.get("content-type")).toContain("application/problem+json");
      else expect(await shown.text(), path).toContain("There is no such page");
    }
  });

  it("is asked for again, but sent again only when it has changed; what has a hash in its name is kept for good", async () => {
    const page = await get("/");
    expect(page.headers.get("cache-control")).toBe("no-cache");
    const again = await get("/", { "if-none-match": page.headers.get("etag")! });
    expect([again.status, await again.text()]).toEqual([304, ""]);
    const asset = /"(\/assets\/[^"]+\.js)"/.exec(await page.text())![1]!;
    expect((await get(asset)).headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
  });

  it("is compressed for who takes that, and is the same then", async () => {
    const plain = await (await get("/")).text();
    const gzipped = await get("/", { "accept-encoding": "gzip, deflate" });
    expect(gzipped.headers.get("content-encoding")).toBe("gzip");
    expect(gzipped.headers.get("vary")).toContain("accept-encoding");
    const text = await new Response(gzipped.body!.pipeThrough(new DecompressionStream("gzip"))).text();
    expect(text).toBe(plain);
    const small = await get("/", { "accept-encoding": "gzip, deflate, br, zstd" });
    expect(small.headers.get("content-encoding")).toBe("br");
    expect(brotliDecompressSync(await small.arrayBuffer()).toString()).toBe(plain);
  });

  it("names the scripts of the page that was asked for, and all of them are there", async () => {
    const scripts = async (path: string) =>
      [...((await get(path)).headers.get("link") ?? "").matchAll(/<([^>]+)>/g)].map((match) => match[1]!);
    const [overview, deals] = [await scripts("/"), await scripts("/deals?deal=1")];
    expect(overview[0]).toMatch(/^\/assets\/overview-/);
    expect(deals[0]).toMatch(/^\/assets\/deals-/);
    expect((await scripts("/console/locks")).join()).toMatch(/console-layout-.*locks-/);
    for (const path of [...overview, ...deals]) expect((await get(path)).status, path).toBe(200);
  });

  it("loads at most 80 kB, compressed, before the first page shows", async () => {
    const html = await (await get("/")).text();
    const scripts = [...html.matchAll(/(?:src|href)="(\/assets\/[^"]+\.(?:js|css))"/g)].map(
      (match) => match[1]!,
    );
    let bytes = (await (await get("/", { "accept-encoding": "br" })).arrayBuffer()).byteLength;
    for (const path of scripts) {
      const response = await get(path, { "accept-encoding": "br" });
      bytes += (await response.arrayBuffer()).byteLength;
    }
    expect(bytes).toBeGreaterThan(20_000);
    expect(bytes).toBeLessThan(80_000);
  });

  it("says what to do where it was not built", async () => {
    const response = await pageRoutes("/nowhere/at/all").request("/companies");
    expect(response.status).toBe(503);
    expect(await response.text()).toContain("pnpm build");
  });
});

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
  it("has no inline code, and everything that it refers to comes from this server", async () => {
    const page = await get("/");
    const html = await page.text();
    const policy = page.headers.get("content-security-policy")!;
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain("unsafe");
    expect(html).not.toMatch(/https?:\/\//);
    expect(html).not.toMatch(/<script(?![^>]*src=)|style=|\son\w+=/);
    const paths = [...html.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map((match) => match[1]!);
    expect(paths.length).toBeGreaterThan(4);
    for (const path of paths) expect((await get(path)).status, path).toBe(200);
  });

  it("is the same page at every address of the app, and nothing at others", async () => {
    const html = await (await get("/")).text();
    for (const path of ["/companies", "/companies/konex", "/deals", "/tasks", "/console", "/console/entries"])
      expect(await (await get(path)).text(), path).toBe(html);
    for (const path of [
      "/nowhere",
      "/companies/a/b",
      "/assets/",
      "/assets/..%2findex.html",
      "/api/nowhere",
    ]) {
      const response = await get(path);
      expect(response.status, path).toBe(404);
      expect(response.headers.get("content-type")).toContain("application/problem+json");
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
    const small = await get("/", { "accept-encoding": "gzip, br" });
    expect(small.headers.get("content-encoding")).toBe("gzip");
    expect(small.headers.get("vary")).toContain("accept-encoding");
    const text = await new Response(small.body!.pipeThrough(new DecompressionStream("gzip"))).text();
    expect(text).toBe(plain);
  });

  it("loads at most 200 kB, compressed, before the first page shows", async () => {
    const html = await (await get("/")).text();
    const scripts = [...html.matchAll(/(?:src|href)="(\/assets\/[^"]+\.(?:js|css))"/g)].map(
      (match) => match[1]!,
    );
    let bytes = 0;
    for (const path of scripts) {
      const response = await get(path, { "accept-encoding": "gzip" });
      bytes += (await response.arrayBuffer()).byteLength;
    }
    expect(bytes).toBeGreaterThan(20_000);
    expect(bytes).toBeLessThan(200_000);
  });

  it("says what to do where it was not built", async () => {
    const response = await pageRoutes("/nowhere/at/all").request("/companies");
    expect(response.status).toBe(503);
    expect(await response.text()).toContain("pnpm build");
  });
});

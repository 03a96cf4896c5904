import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { anchorByName } from "../scripts/anchor-by-name.mjs";
import { checkAnchors } from "../scripts/check-anchors.mjs";
import { inlineTags } from "../scripts/inline-tags.mjs";
import { errorsOf, linkErrors } from "../scripts/link-errors.mjs";
import { SECTIONS, sitePages } from "../scripts/site-pages.mjs";
import { toPage } from "../scripts/stage-pages.mjs";

describe("pages", () => {
  const pages = sitePages();

  it("have places of their own", () => {
    expect(pages.length).toBeGreaterThan(40);
    expect(new Set(pages.map(({ page }) => page)).size).toBe(pages.length);
  });

  it("stand in sections that the sidebar has, but for the home page", () => {
    const names = SECTIONS.map(({ name }) => name);
    expect(pages.filter(({ section }) => !names.includes(section)).map(({ page }) => page)).toEqual([
      "index.md",
    ]);
  });
});

describe("links on the site", () => {
  const bySource = new Map([
    ["docs/errors.md", "errors.md"],
    ["packages/cache-lock/README.md", "packages/cache-lock.md"],
  ]);
  const rewrite = (text: string, source = "packages/cache-core/README.md") =>
    toPage(text, { source, page: "any.md", section: "" }, bySource);

  it.each([
    ["a page, with its heading", "[e](../../docs/errors.md#invalid_key)", "[e](/errors.md#invalid_key)"],
    ["a folder with a README", "[lock](../cache-lock)", "[lock](/packages/cache-lock.md)"],
    ["a file that is no page: words alone", "[licence](LICENSE)", "licence"],
    ["a file for download", "[alerts](../../docs/operations/alerts.yaml)", "[alerts](/alerts.yaml)"],
    ["a picture", "![demo](../../docs/public/demo.png)", "![demo](/demo.png)"],
    [
      "a page, from a picture",
      "[![demo](../../docs/public/demo.png)](../cache-lock)",
      "[![demo](/demo.png)](/packages/cache-lock.md)",
    ],
    ["another site", "[x](https://example.com)", "[x](https://example.com)"],
    ["nothing: left for VitePress to refuse", "[x](no-such-file.md)", "[x](no-such-file.md)"],
  ])("lead to %s", (_, before, after) => {
    expect(rewrite(before)).toBe(after);
  });

  it("are left alone in code, as comments are", () => {
    const code = "```md\n[lock](../cache-lock) <!-- kept -->\n```\n";
    expect(rewrite(code)).toBe(code);
  });

  it("do not stand in comments: a page has none", () => {
    expect(rewrite("before\n\n<!-- given\ndeclare const id: string;\n-->\n\nafter\n")).toBe(
      "before\n\nafter\n",
    );
  });
});

describe("links to exports", () => {
  it("go by their names, on the same page and on another", () => {
    const page =
      "## createLocks()\n\n[`Locks`](#locks-3) [Cache](cache-core.md#cache-12)\n\n## Locks\n\n### on()\n";
    expect(anchorByName(page)).toBe(
      "## createLocks() {#createLocks}\n\n[`Locks`](#Locks) [Cache](cache-core.md#Cache)\n\n## Locks {#Locks}\n\n### on()\n",
    );
  });
});

describe("errors that the reference names", () => {
  it("are links where they are described, in prose and after Throws, and not in signatures or code", () => {
    const core = "## CacheError {#CacheError}\n\nThe base.\n";
    const errors = errorsOf([{ page: "cache-core.md", text: core }]);
    const page =
      "> **f**(): `CacheError`\n\nThrows `CacheError`, `OtherError`.\n\n### Throws\n\nCacheError\n\n```ts\n`CacheError`\n```";
    expect(linkErrors(page, "cache-lock.md", errors)).toBe(
      page
        .replace("Throws `CacheError`", "Throws [`CacheError`](cache-core.md#CacheError)")
        .replace("\nCacheError", "\n[`CacheError`](cache-core.md#CacheError)"),
    );
  });
});

describe("tags of comments", () => {
  it("are lines, defaults as code where they are values", () => {
    const block = (value: string) => `#### Default\n\n\`\`\`ts\n${value}\n\`\`\`\n`;
    const page = `${block('"5m"')}${block("10_000")}${block("the system's clock")}#### Default\n\nthe \`ttl\`\n\n##### Throws\n\nCacheError\n`;
    expect(inlineTags(page).split(/\n+/)).toEqual([
      '**Default:** `"5m"`',
      "**Default:** `10_000`",
      "**Default:** the system's clock",
      "**Default:** the `ttl`",
      "**Throws:** CacheError",
      "",
    ]);
  });
});

describe("links to headings", () => {
  let site: string;
  beforeEach(async () => {
    site = await mkdtemp(join(tmpdir(), "crm-cache-site-"));
    const files = {
      "index.html":
        '<a href="/docs/a/b.html#here">1</a><a href="/docs/a/b.html#gone">2</a><a href="#own">3</a><h2 id="own"></h2>',
      "a/b.html": '<h2 id="here"></h2><a href="./b.html#here">4</a><a href="https://example.com/#x">5</a>',
    };
    for (const [path, html] of Object.entries(files)) {
      await mkdir(dirname(join(site, path)), { recursive: true });
      await writeFile(join(site, path), html);
    }
  });
  afterEach(() => rm(site, { recursive: true }));

  it("are reported where the heading is missing, and only there, wherever the site is served from", () => {
    expect(checkAnchors(site, "/docs/")).toEqual([
      "/docs/index.html: /docs/a/b.html#gone has no such heading",
    ]);
  });
});

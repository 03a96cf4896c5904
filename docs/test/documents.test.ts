import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { slugify } from "../scripts/slugify.mjs";

const root = join(import.meta.dirname, "../..");
const read = (path: string) => readFile(join(root, path), "utf8");
const cellsOf = (row: string) =>
  row
    .split("|")
    .slice(1, -1)
    .map((cell) => cell.trim());

describe("figures of READMEs", () => {
  it.each([
    ["README.md", 25],
    ["packages/cache-core/README.md", 25],
    ["packages/cache-ratelimit/README.md", 8],
    ["packages/cache-lock/README.md", 7],
  ])("%s has those of docs/benchmarks.md", async (path, atLeast) => {
    const [readme, benchmarks] = await Promise.all([read(path), read("docs/benchmarks.md")]);
    const sections = new Map(
      benchmarks.split(/^### /m).map((section) => [slugify(section.split("\n")[0] ?? ""), section]),
    );
    /** The medians of a contender in a section. */
    const figuresOf = (anchor: string, contender: string) =>
      (sections.get(anchor)?.split("\n") ?? [])
        .map(cellsOf)
        .filter(([name = ""]) => name.replace(" (limit)", "").startsWith(contender))
        .flatMap(([, ...figures]) => figures.map((figure) => figure.split(" ")[0]));

    const claims = readme
      .split("\n")
      .filter((line) => line.startsWith("| [") && line.includes("docs/benchmarks.md#"))
      .flatMap((row) => {
        const [label = "", beside = "", own = "", peers = ""] = cellsOf(row);
        const anchor = /benchmarks\.md#([^)]+)/.exec(label)?.[1] ?? "";
        const named = [
          ...(peers === "–" ? [] : peers.replace(/ \([^)]*\)/g, "").split(", ")),
          ...(beside.includes(": ") ? [beside] : []),
        ];
        return [`crm-: ${own}`, ...named].map((claim) => {
          const [, contender = "", figure = ""] = /^(.*?):? (\S+)$/.exec(claim) ?? [];
          return { anchor, contender, figure };
        });
      });
    expect(claims.length).toBeGreaterThan(atLeast);
    const wrong = claims.filter(
      ({ anchor, contender, figure }) => !figuresOf(anchor, contender).includes(figure),
    );
    expect(wrong).toEqual([]);
  });
});

describe("README.sr.md", () => {
  it("has the programs of the quick start, with comments of its own", async () => {
    const programsOf = (text: string) =>
      [...text.matchAll(/^```ts run\n(.*?)^```/gms)].map(([, code = ""]) =>
        code.replace(/ *\/\/ (?!→).*$/gm, ""),
      );
    const [english, serbian] = await Promise.all([read("docs/quick-start.md"), read("README.sr.md")]);
    expect(programsOf(english).length).toBe(2);
    expect(programsOf(serbian)).toEqual(programsOf(english));
  });

  it("names the packages and the promises that README.md names, and as many", async () => {
    const [english, serbian] = await Promise.all([read("README.md"), read("README.sr.md")]);
    const packagesOf = (text: string) => text.match(/^\| \[`@crm\/[\w-]+`\]/gm);
    expect(packagesOf(serbian)).toEqual(packagesOf(english));
    const between = (text: string, from: string, to: string) => text.split(from)[1]?.split(to)[0] ?? "";
    const promised = between(english, "## What is promised", "What is *not*").match(/^\| .* \| `/gm)?.length;
    expect(between(serbian, "## Šta je obećano", "Šta *nije*").match(/^- /gm)?.length).toBe(promised);
  });
});

describe("docs/operations", () => {
  it("explains every alert of its rule file, and no other", async () => {
    const [page, rules] = await Promise.all([
      read("docs/operations/README.md"),
      read("docs/operations/alerts.yaml"),
    ]);
    const table = page.split("### Alerts")[1]?.split("## ")[0] ?? "";
    const explained = table
      .split("\n")
      .slice(4)
      .map((row) => cellsOf(row)[0])
      .filter(Boolean);
    expect([...rules.matchAll(/alert: (.+)/g)].map(([, name]) => name)).toEqual(explained);
  });

  it("asks in alerts only for metrics that its page names, which a test of the demo holds against what there is", async () => {
    const [page, rules] = await Promise.all([
      read("docs/operations/README.md"),
      read("docs/operations/alerts.yaml"),
    ]);
    const asked = new Set(rules.replace(/by \([^)]*\)|\$labels\.\w+/g, "").match(/\bcrm_cache_\w+/g));
    expect(asked.size).toBeGreaterThan(5);
    expect([...asked].filter((name) => !page.includes(name))).toEqual([]);
  });
});

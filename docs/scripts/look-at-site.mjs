// Looks at the built site in a browser, as a reader does: no page is wider than a telephone, the search finds a function and leads
// to it, diagrams are drawn, and no page complains.
//
//   node scripts/look-at-site.mjs [--screens]    --screens: keeps pictures of some pages in docs/.screens

import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { chromium } from "playwright-core";
import { findChromium } from "./find-chromium.mjs";

/** @typedef {import("playwright-core").BrowserContextOptions} ContextOptions */

const docs = dirname(import.meta.dirname);
const site = join(docs, ".vitepress/dist");
const ADDRESS = "http://site.invalid";
const PHONE = { width: 390, height: 844 };
const DESKTOP = { width: 1360, height: 900 };
/** How many pages are looked at side by side. */
const WINDOWS = 4;
/** How long anything may take, in milliseconds: nothing here is about speed, and a machine may have much else to do. */
const PATIENCE = 120_000;
/** What Chromium says when a machine is slow, not when a page is wrong. */
const SAID_OF_SLOWNESS = /was preloaded using link preload but not used within a few seconds/;

const startedAt = performance.now();
/** @type {string[]} */
const problems = [];
const pages = readdirSync(site, { recursive: true, encoding: "utf8" }).filter((path) =>
  path.endsWith(".html"),
);
const browser = await chromium.launch({
  executablePath: findChromium(),
  // A container's shared memory may be too small for a page.
  args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
  timeout: PATIENCE,
});
try {
  for (const look of [fitTelephone, readerSearches, diagramsAreDrawn]) {
    // What the pages complained of meanwhile tells more than that nothing came.
    await look().catch((error) => problems.push(`${look.name}: ${error.message}`));
  }
  if (process.argv.includes("--screens")) await takePictures();
} finally {
  await browser.close();
}
for (const problem of problems) console.error(problem);
console.log(
  `${pages.length} pages looked at in ${((performance.now() - startedAt) / 1000).toFixed(1)} s, ${problems.length} problems`,
);
process.exitCode = problems.length === 0 ? 0 : 1;

/**
 * A browser of its own that reads the site from the disk and reaches nothing else.
 *
 * @param {ContextOptions} options
 */
async function visit(options) {
  const context = await browser.newContext({ reducedMotion: "reduce", ...options });
  context.setDefaultTimeout(PATIENCE);
  await context.route("**/*", (route) => {
    const { origin, pathname } = new URL(route.request().url());
    const file = join(site, pathname.endsWith("/") ? `${pathname}index.html` : pathname);
    if (origin !== ADDRESS) {
      problems.push(`A page asks for ${route.request().url()}, which is not of the site`);
      return route.abort();
    }
    if (existsSync(file)) return route.fulfill({ path: file });
    problems.push(`${route.request().frame().url()} asks for ${pathname}, which is not there`);
    return route.fulfill({ status: 404 });
  });
  context.on("page", (page) => {
    const complain = (/** @type {unknown} */ what) => problems.push(`${page.url()}: ${what}`);
    page.on("pageerror", complain);
    page.on("console", (message) => {
      if (!["error", "warning"].includes(message.type())) return;
      if (!SAID_OF_SLOWNESS.test(message.text())) complain(message.text());
    });
  });
  return context;
}

async function fitTelephone() {
  const context = await visit({ viewport: PHONE, javaScriptEnabled: false });
  // The shortest take as long as the longest: a third of them, another one each day, unless all are asked for.
  const day = Math.floor(Date.now() / 86_400_000);
  const left = pages.filter((_, n) => process.env.LOOK_PAGES === "all" || n % 3 === day % 3);
  await Promise.all(
    Array.from({ length: WINDOWS }, async () => {
      const page = await context.newPage();
      for (let path = left.shift(); path !== undefined; path = left.shift()) {
        await page.goto(`${ADDRESS}/${path}`, { waitUntil: "load" });
        const width = await page.evaluate(() => document.documentElement.scrollWidth);
        if (width > PHONE.width)
          problems.push(`${path} is ${width} px wide on a telephone of ${PHONE.width} px`);
      }
    }),
  );
  await context.close();
}

async function readerSearches() {
  const context = await visit({ viewport: DESKTOP });
  const page = await context.newPage();
  await page.goto(`${ADDRESS}/`);
  await page.getByRole("button", { name: "Search" }).click();
  await page.getByPlaceholder("Search").fill("acquireLock");
  const first = page.locator(".results .result").first();
  await first.waitFor();
  if (!/acquireLock/i.test((await first.textContent()) ?? "")) {
    problems.push(`The search for acquireLock begins with ${await first.textContent()}`);
  }
  await first.click();
  await page.waitForURL(/\/(api|packages)\/cache-lock\.html/).catch(() => {
    problems.push(`The search for acquireLock leads to ${page.url()}`);
  });
  await context.close();
}

async function diagramsAreDrawn() {
  const context = await visit({ viewport: PHONE });
  const page = await context.newPage();
  await page.goto(`${ADDRESS}/architecture.html`);
  await page.locator("div.diagram svg").first().waitFor();
  await page.waitForFunction(() => document.querySelectorAll("pre.diagram").length === 0);
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  if (width > PHONE.width) problems.push(`The diagrams make their page ${width} px wide`);
  await context.close();
}

async function takePictures() {
  const folder = join(docs, ".screens");
  mkdirSync(folder, { recursive: true });
  const shown = {
    home: "/",
    guide: "/guide/1-read-through.html",
    package: "/packages/cache-lock.html",
    api: "/api/cache-lock.html",
    errors: "/errors.html",
    architecture: "/architecture.html",
    benchmarks: "/benchmarks.html",
  };
  for (const [size, viewport] of Object.entries({ phone: PHONE, desktop: DESKTOP })) {
    for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
      const context = await visit({ viewport, colorScheme });
      const page = await context.newPage();
      for (const [name, path] of Object.entries(shown)) {
        await page.goto(`${ADDRESS}${path}`, { waitUntil: "networkidle" });
        await page.screenshot({ path: join(folder, `${name}-${size}-${colorScheme}.png`) });
      }
      await page.getByRole("button", { name: "Search" }).click();
      await page.getByPlaceholder("Search").fill("acquireLock");
      await page.locator(".results .result").first().waitFor();
      await page.screenshot({ path: join(folder, `search-${size}-${colorScheme}.png`) });
      await context.close();
    }
  }
}

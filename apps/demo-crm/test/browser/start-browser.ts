import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { findChromium } from "./find-chromium.ts";

/** A refusal that the page shows in words is in the browser's console as well. */
const isExpected = (text: string) => /status of (401|429)/.test(text);

export interface Windows {
  /** A browser of its own: own cookies, own streams. */
  context(options: Parameters<Browser["newContext"]>[0]): Promise<BrowserContext>;
  /** What pages have reported as wrong since the last call: errors, refusals by the content security policy. */
  complaints(): string[];
  close(): Promise<void>;
}

/** A browser whose pages are watched. */
export async function startBrowser(): Promise<Windows> {
  const browser = await chromium.launch({
    executablePath: findChromium(),
    args: ["--no-sandbox", "--disable-gpu"],
  });
  let complaints: string[] = [];

  function watch(page: Page): void {
    page.on("pageerror", (error) => complaints.push(`${page.url()}: ${error}`));
    page.on("console", (message) => {
      if (message.type() === "error" && !isExpected(message.text()))
        complaints.push(`${page.url()}: ${message.text()} ${message.location().url}`);
    });
  }

  return {
    async context(options) {
      const context = await browser.newContext({ reducedMotion: "reduce", ...options });
      context.setDefaultTimeout(8_000);
      context.on("page", watch);
      return context;
    },
    complaints() {
      const found = complaints;
      complaints = [];
      return found;
    },
    close: () => browser.close(),
  };
}

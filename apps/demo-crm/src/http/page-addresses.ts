/**
 * What the app shows at which address, and the modules that show it, the outer one first; the app finds its way from there by itself.
 * The build draws each of them as it is before its data come (`web/src/draw-page.tsx`), and the server serves that.
 */
export const PAGE_ADDRESSES: Readonly<Record<string, readonly string[]>> = {
  "/": ["pages/overview"],
  "/companies": ["pages/companies"],
  "/companies/:id": ["pages/company"],
  "/deals": ["pages/deals"],
  "/contacts": ["pages/contacts"],
  "/tasks": ["pages/tasks"],
  "/leads": ["pages/leads"],
  "/quotes": ["pages/quotes"],
  "/console": ["console/console-layout", "console/now"],
  "/console/comparison": ["console/console-layout", "console/comparison"],
  "/console/invalidations": ["console/console-layout", "console/invalidations"],
  "/console/entries": ["console/console-layout", "console/entries"],
  "/console/locks": ["console/console-layout", "console/locks"],
  "/console/warming": ["console/console-layout", "console/warming"],
  "/console/data": ["console/console-layout", "console/data"],
};

/** What is served to a browser at every other address. */
export const NOT_FOUND_FILE = "not-found.html";

/** The name of the file with the page of these modules: `company.html`. */
export const pageFile = (modules: readonly string[]): string => `${modules.at(-1)?.split("/").at(-1)}.html`;

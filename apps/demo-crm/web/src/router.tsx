import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  type RouterHistory,
} from "@tanstack/react-router";
import { ApiError } from "./api/ask.ts";
import { company as companyQuery, leaderboard, pipeline, revenueBySector } from "./api/queries.ts";
import { queryClient } from "./api/query-client.ts";
import { oneOf, pageNumber, text } from "./search-params.ts";
import { AppShell } from "./shell/app-shell.tsx";
import { NotFound, PageError } from "./shell/fallbacks.tsx";

/**
 * A page, whose code comes when it is opened. Where that cannot be had, the page says so: the router by itself would load the whole app anew,
 * which is lost then while nobody answers.
 */
const lazyPage = <Module extends Record<string, unknown>, Name extends keyof Module>(
  load: () => Promise<Module>,
  name: Name,
) =>
  lazyRouteComponent(
    () =>
      load().catch(() => {
        throw new ApiError({
          title: "The demo does not answer",
          detail: "Is it still running?",
          code: "NO_ANSWER",
        });
      }),
    name,
  );

const root = createRootRoute({ component: AppShell, notFoundComponent: NotFound, errorComponent: PageError });

const overview = createRoute({
  getParentRoute: () => root,
  path: "/",
  // Asked for while the page itself is on its way.
  loader: () => {
    void queryClient.prefetchQuery(pipeline);
    void queryClient.prefetchQuery(revenueBySector);
    void queryClient.prefetchQuery(leaderboard);
  },
  component: lazyPage(() => import("./pages/overview.tsx"), "OverviewPage"),
});

const COMPANY_SORTS = ["name", "sector", "country", "employees", "revenueMillions"] as const;
const companies = createRoute({
  getParentRoute: () => root,
  path: "/companies",
  validateSearch: ({ page, q, sector, sort }: Record<string, unknown>) => ({
    ...pageNumber(page),
    ...text("q", q),
    ...text("sector", sector),
    ...oneOf("sort", sort, [...COMPANY_SORTS, ...COMPANY_SORTS.map((name) => `-${name}` as const)]),
  }),
  component: lazyPage(() => import("./pages/companies.tsx"), "CompaniesPage"),
});

const company = createRoute({
  getParentRoute: () => root,
  path: "/companies/$companyId",
  loader: ({ params }) => void queryClient.prefetchQuery(companyQuery(params.companyId)),
  component: lazyPage(() => import("./pages/company.tsx"), "CompanyPage"),
});

const deals = createRoute({
  getParentRoute: () => root,
  path: "/deals",
  validateSearch: ({ user, company: of, deal }: Record<string, unknown>) => ({
    ...text("user", user),
    ...text("company", of),
    ...text("deal", deal),
  }),
  component: lazyPage(() => import("./pages/deals.tsx"), "DealsPage"),
});

const contacts = createRoute({
  getParentRoute: () => root,
  path: "/contacts",
  validateSearch: ({ page, q }: Record<string, unknown>) => ({ ...pageNumber(page), ...text("q", q) }),
  component: lazyPage(() => import("./pages/contacts.tsx"), "ContactsPage"),
});

const tasks = createRoute({
  getParentRoute: () => root,
  path: "/tasks",
  validateSearch: ({ page, status, assignee }: Record<string, unknown>) => ({
    ...pageNumber(page),
    ...oneOf("status", status, ["open", "doing", "done"] as const),
    ...text("assignee", assignee),
  }),
  component: lazyPage(() => import("./pages/tasks.tsx"), "TasksPage"),
});

const leads = createRoute({
  getParentRoute: () => root,
  path: "/leads",
  validateSearch: ({ page, status }: Record<string, unknown>) => ({
    ...pageNumber(page),
    ...oneOf("status", status, ["new", "contacted", "qualified", "lost"] as const),
  }),
  component: lazyPage(() => import("./pages/leads.tsx"), "LeadsPage"),
});

const quotes = createRoute({
  getParentRoute: () => root,
  path: "/quotes",
  validateSearch: ({ page, status }: Record<string, unknown>) => ({
    ...pageNumber(page),
    ...oneOf("status", status, ["draft", "issued", "accepted", "declined"] as const),
  }),
  component: lazyPage(() => import("./pages/quotes.tsx"), "QuotesPage"),
});

const consoleArea = createRoute({
  getParentRoute: () => root,
  path: "/console",
  component: lazyPage(() => import("./console/console-layout.tsx"), "ConsoleLayout"),
});
const consolePages = [
  createRoute({
    getParentRoute: () => consoleArea,
    path: "/",
    component: lazyPage(() => import("./console/now.tsx"), "NowPage"),
  }),
  createRoute({
    getParentRoute: () => consoleArea,
    path: "comparison",
    component: lazyPage(() => import("./console/comparison.tsx"), "ComparisonPage"),
  }),
  createRoute({
    getParentRoute: () => consoleArea,
    path: "invalidations",
    component: lazyPage(() => import("./console/invalidations.tsx"), "InvalidationsPage"),
  }),
  createRoute({
    getParentRoute: () => consoleArea,
    path: "entries",
    validateSearch: ({ prefix, key }: Record<string, unknown>) => ({
      ...text("prefix", prefix),
      ...text("key", key),
    }),
    component: lazyPage(() => import("./console/entries.tsx"), "EntriesPage"),
  }),
  createRoute({
    getParentRoute: () => consoleArea,
    path: "locks",
    component: lazyPage(() => import("./console/locks.tsx"), "LocksPage"),
  }),
  createRoute({
    getParentRoute: () => consoleArea,
    path: "warming",
    component: lazyPage(() => import("./console/warming.tsx"), "WarmingPage"),
  }),
  createRoute({
    getParentRoute: () => consoleArea,
    path: "data",
    component: lazyPage(() => import("./console/data.tsx"), "DataPage"),
  }),
] as const;

const routeTree = root.addChildren([
  ...([overview, companies, company, deals, contacts, tasks, leads, quotes] as const),
  consoleArea.addChildren(consolePages),
]);

/** For the addresses of the browser, or of another history, where no positions are restored either: there is nothing to scroll. */
export const makeRouter = (history?: RouterHistory) =>
  createRouter({
    routeTree,
    ...(history && { history }),
    // What goes wrong in a page leaves the navigation as it is.
    defaultErrorComponent: PageError,
    defaultPreload: "intent",
    scrollRestoration: history === undefined,
    // What a link hovers over is fetched as code; its data comes when it is opened.
    defaultPreloadStaleTime: 0,
  });

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}

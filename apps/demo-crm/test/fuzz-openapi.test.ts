// Bad input on every route of the OpenAPI document: a 4xx with a problem document, never a 5xx. The document says which
// inputs there are; the seed makes a run that fails repeatable.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SicknessSwitch } from "../src/dev/sickness.ts";
import { PAGE_ADDRESSES } from "../src/http/page-addresses.ts";
import { startApp, type TestApp } from "./start-app.ts";

const SEED = Number(process.env.FUZZ_SEED ?? 20_171_231);
const TURNS = Number(process.env.FUZZ_TURNS ?? 100);

interface Parameter {
  readonly name: string;
  readonly in: "path" | "query";
}
interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
}
interface Operation {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: { readonly "application/json": { readonly schema: Schema } } };
  readonly security?: unknown;
}
interface Route {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

const ODD_TEXT = [
  ...["", " ", "*", "?", "[a-z]", "\\", "{}", ":", "a:b", "..", "../../etc/passwd", "%00", "%zz", "%c3%28"],
  ...["\u0000", "\n", "\u202e", "é", "😀", "' or 1=1 --", "<script>", "null", "-1", "0", "1e9", "NaN", "1.5"],
  ...[
    "99999999999999999999",
    "a".repeat(3000),
    "0000-00-00",
    "0000-01-01",
    "9999-12-31",
    "2017-02-30",
    "__proto__",
  ],
];
const ODD_VALUES: readonly unknown[] = [
  ...[null, true, [], {}, [1], -1, 1.5, 1e308, -0, 2 ** 31, 2 ** 53, { a: { b: [1] } }, [[]]],
  ...ODD_TEXT,
];

/** Linear congruential; a run that fails can be repeated. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

let demo: TestApp;
let routes: Route[];
const answers = new Map<number, number>();

/** Of development, so that its routes are there; what it is told is checked, and nothing becomes sick. */
const sickness: SicknessSwitch = {
  env: {},
  state: () => ({ redis: "none", redisDelayMs: 0, originDelayMs: 0 }),
  apply: () => sickness.state(),
  close: async () => {},
};

beforeAll(async () => {
  demo = await startApp({ sickness });
  const { body } = await demo.json("/openapi.json");
  routes = Object.entries(body.paths as Record<string, Record<string, Operation>>).flatMap(
    ([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({
        ...{ name: `${method} ${path}`, method: method.toUpperCase(), path, operation },
      })),
  );
});
afterAll(() => demo.close());

async function expectNo5xx(route: Route, url: string, init: RequestInit): Promise<number> {
  const response = await demo.request(url, { ...init, method: route.method });
  const text = await response.text();
  const what = `${route.method} ${url.slice(0, 200)} ${String(init.body ?? "").slice(0, 200)}: ${text.slice(0, 300)}`;
  answers.set(response.status, (answers.get(response.status) ?? 0) + 1);
  expect(response.status, what).toBeLessThan(500);
  if (response.status >= 400) {
    expect(response.headers.get("content-type"), what).toContain("application/problem+json");
    expect(JSON.parse(text), what).toMatchObject({ status: response.status, title: expect.any(String) });
    expect(text, what).not.toMatch(/node_modules|\.ts:\d|at \w+ \(/);
  }
  return response.status;
}

const bodySchemaOf = ({ operation }: Route) => operation.requestBody?.content["application/json"].schema;
const isMeasuring = ({ path }: Route) => path === "/api/compare" || path === "/api/load";

it("the document names every entity, every aggregate, and what needs a session", () => {
  const names = routes.map((route) => route.name);
  const entities = [
    "companies",
    "projects",
    "tasks",
    "milestones",
    "users",
    "deals",
    "quotes",
    "contacts",
    "leads",
  ];
  for (const entity of entities) {
    for (const method of ["get", "post"]) expect(names).toContain(`${method} /api/${entity}`);
    for (const method of ["get", "patch", "delete"]) expect(names).toContain(`${method} /api/${entity}/{id}`);
  }
  const open = ["/api/session", "/api/load", "/api/dev/sickness"];
  for (const route of routes)
    expect([route.name, route.operation.security !== undefined]).toEqual([
      route.name,
      route.method !== "GET" && !open.includes(route.path),
    ]);
});

// Pages, files and streams: no JSON, so nothing that the document could say of them.
const UNDOCUMENTED = [
  ...["/healthz", "/readyz", "/metrics", "/openapi.json", "/docs", "/api/live", "/api/changes"],
  ...Object.keys(PAGE_ADDRESSES),
  "/favicon.svg",
];

it("every route that the app has is in the document, or is a page, a file or a stream", () => {
  const documented = new Set(routes.map(({ method, path }) => `${method} ${path}`));
  const isFile = (path: string) => /^\/(docs|assets)\//.test(path) || UNDOCUMENTED.includes(path);
  const missing = demo.app.routes
    .filter(({ method, path }) => method !== "ALL" && !isFile(path))
    .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)(\{[^}]+\})?/g, "{$1}")}`)
    .filter((route) => !documented.has(route));
  expect([...new Set(missing)]).toEqual([]);
  // Otherwise the list above could name what is gone.
  const paths = new Set(demo.app.routes.map(({ path }) => path));
  for (const path of UNDOCUMENTED) expect(paths, path).toContain(path);
});

describe("bad input", () => {
  it("another method, and odd paths and headers, on whatever there is: never a 5xx", async () => {
    const paths = new Set([...routes.map(({ path }) => path), ...UNDOCUMENTED]);
    for (const path of paths) {
      const known = routes.filter((route) => route.path === path).map(({ method }) => method);
      const url = path.replaceAll(/\{\w+\}|:\w+/g, "x");
      for (const method of ["PUT", "PROPFIND", "POST", "DELETE", "PATCH"].filter(
        (each) => !known.includes(each),
      ))
        expect(await expectNo5xx({ method, path } as Route, url, {}), `${method} ${url}`).toBe(
          // What is not in the document is nobody's to try: pages, streams, figures for machines.
          known.length > 0 ? 405 : 404,
        );
      for (const odd of [`${url}/%2e%2e/x`, `${url}//`, `${url};a=b`, `${url}%00`])
        await expectNo5xx({ method: "PUT", path } as Route, odd, {});
    }
    const headers = [
      "cookie",
      "content-type",
      "origin",
      "sec-fetch-site",
      "if-none-match",
      "accept-encoding",
    ];
    for (const name of headers)
      for (const value of [
        "",
        ";",
        "=",
        "crm-session=",
        "a".repeat(8_000),
        '"',
        "\u00e9",
        "crm-session=%ff%00",
      ]) {
        const route = { method: "PATCH", path: "" } as Route;
        await expectNo5xx(route, "/api/companies/konex", { headers: { [name]: value }, body: "{}" });
      }
  });

  it("what needs a session is a 401 without one, whatever else is wrong", async () => {
    for (const route of routes.filter(({ operation }) => operation.security !== undefined)) {
      const url = route.path.replace(/\{\w+\}/g, "x");
      const init = { headers: { cookie: "crm-session=0.nobody" }, body: "{" };
      expect([route.name, await expectNo5xx(route, url, init)]).toEqual([route.name, 401]);
    }
  });

  it("bodies that are no JSON object or of another type are refused on every route that takes one", async () => {
    const json = { "content-type": "application/json" };
    for (const route of routes.filter(bodySchemaOf)) {
      const url = route.path.replace(/\{\w+\}/g, "konex");
      for (const body of ["", "{", "nul", "[]", "1", '"x"', "null", "{}", '{"unknown":1}', "\u0000"])
        expect(await expectNo5xx(route, url, { headers: json, body })).toBe(400);
      expect(await expectNo5xx(route, url, { headers: { "content-type": "text/plain" }, body: "{}" })).toBe(
        415,
      );
      const large = JSON.stringify({ name: "a".repeat(70_000) });
      expect(await expectNo5xx(route, url, { headers: json, body: large })).toBe(413);
    }
  });

  it("random parameters and bodies, route by route", async () => {
    const random = createRandom(SEED);
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
    const ids = ["konex", "1C1I7A6R", "carl-lin", "konex-contact-1", "2017-03", "project-1c1i7a6r"];
    for (const route of routes.filter((each) => !isMeasuring(each))) {
      const { parameters = [] } = route.operation;
      const schema = bodySchemaOf(route);
      // A sign-in hashes, which is slow on purpose.
      const turns = route.path === "/api/session" ? 5 : TURNS;
      for (let turn = 0; turn < turns; turn++) {
        let url = route.path;
        const query = new URLSearchParams();
        for (const parameter of parameters) {
          const value = random() < 0.5 ? pick(ids) : pick(ODD_TEXT);
          if (parameter.in === "path")
            url = url.replace(
              `{${parameter.name}}`,
              random() < 0.1 ? value.replace(/[/?#]/g, "") || "x" : encodeURIComponent(value) || "x",
            );
          else if (random() < 0.6) query.set(parameter.name, pick(ODD_TEXT));
        }
        const fields = Object.keys(schema?.properties ?? { name: {} });
        const body = Object.fromEntries(
          [...fields, "__proto__", "id"]
            .filter(() => random() < 0.5)
            .map((field) => [field, pick(ODD_VALUES)]),
        );
        await expectNo5xx(route, `${url}?${query}`, {
          ...(schema ? { headers: { "content-type": "application/json" }, body: JSON.stringify(body) } : {}),
        });
      }
    }
    const refused = [...answers]
      .filter(([status]) => status >= 400)
      .reduce((sum, [, count]) => sum + count, 0);
    expect(refused).toBeGreaterThan(500);
    expect(answers.get(400)).toBeGreaterThan(300);
  });

  it("and none of it was a failure in the log", () => {
    expect(demo.logged).toEqual([]);
  });
});

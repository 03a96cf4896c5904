import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startApp, type TestApp } from "./start-app.ts";

let demo: TestApp;
beforeAll(async () => {
  demo = await startApp();
});
afterAll(() => demo.close());

const ODD = [
  "*",
  "?",
  "[a-z]",
  "\\",
  "{}",
  ":",
  "a:b",
  "../../etc/passwd",
  "%00",
  "\u0000",
  "\n",
  "\u202e",
  "é",
  "😀",
  "\ud800",
  "' or 1=1 --",
  "<script>",
  "null",
  "-1",
  "0",
  "1e9",
  "NaN",
  "Infinity",
  "99999999999999999999",
  "a".repeat(3000),
  " ",
  "",
];
const VALUES: unknown[] = [
  null,
  true,
  [],
  {},
  [1],
  -1,
  1.5,
  1e308,
  2 ** 31,
  2 ** 53,
  "",
  " ",
  "\u0000",
  "\ud800",
  "a".repeat(5000),
  "1",
  { a: { b: 1 } },
];

/** Linear congruential; a run that fails can be repeated. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

async function expectRefusal(response: Response, what: string): Promise<void> {
  const text = await response.text();
  expect(response.status, `${what}: ${text}`).toBeGreaterThanOrEqual(400);
  expect(response.status, `${what}: ${text}`).toBeLessThan(500);
  expect(response.headers.get("content-type"), what).toContain("application/problem+json");
  expect(JSON.parse(text), what).toMatchObject({ status: response.status, title: expect.any(String) });
  expect(text, what).not.toMatch(/node_modules|\.ts:\d|at \w+ \(/);
}

describe("bad input is refused with a 4xx problem, and never causes a 5xx", () => {
  it("ids", async () => {
    for (const odd of ODD.filter((value) => value !== "" && value !== "null" && value !== "0")) {
      for (const kind of ["companies", "deals", "users"]) {
        for (const method of ["GET", "PATCH", "DELETE"]) {
          const path = `/api/${kind}/${encodeURIComponent(odd.toWellFormed())}`;
          const init = { method, headers: { "content-type": "application/json" } };
          await expectRefusal(
            await demo.request(path, method === "PATCH" ? { ...init, body: '{"name":"x"}' } : init),
            `${method} ${path.slice(0, 80)}`,
          );
        }
      }
    }
  });

  it("paths whose escapes are broken", async () => {
    for (const path of ["/api/companies/%", "/api/companies/%zz", "/api/companies/%c3%28", "/api/deals/%ff"])
      await expectRefusal(await demo.request(path), path);
  });

  it("query parameters: refused or harmless, but never a 5xx", async () => {
    const names = ["page", "limit", "sector", "q", "stage", "company", "user", "pairs", "key", "deals"];
    for (const path of ["/api/companies", "/api/deals", "/api/users", "/api/cache/explain"]) {
      for (const name of names) {
        for (const odd of ODD) {
          const url = `${path}?${name}=${encodeURIComponent(odd.toWellFormed())}`;
          const response = await demo.request(url);
          if (response.status !== 200) await expectRefusal(response, url);
        }
      }
    }
    for (const query of [
      "page=0",
      "page=-1",
      "page=1.5",
      "page=x",
      "page=99999",
      "limit=0",
      "limit=101",
      "sector=*",
      "q=%00",
    ])
      await expectRefusal(await demo.request(`/api/companies?${query}`), query);
    for (const query of ["stage=Maybe", "company=*", "user=A%20B"])
      await expectRefusal(await demo.request(`/api/deals?${query}`), query);
    for (const query of ["pairs=0", "pairs=501", "pairs=x"])
      await expectRefusal(await demo.request(`/api/compare?${query}`), query);
    for (const query of ["", "key=", "key=%00", `key=${"a".repeat(1025)}`])
      await expectRefusal(await demo.request(`/api/cache/explain?${query}`), query);
  });

  it("bodies that are not JSON, not an object, too large or of another type", async () => {
    const post = (body: string, type = "application/json") =>
      demo.request("/api/companies", { method: "POST", body, headers: { "content-type": type } });
    for (const body of ["", "{", "nul", "[]", "1", '"x"', "null", '{"__proto__":{"name":"x"}}', "\u0000"])
      await expectRefusal(await post(body), body);
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""]) {
      const refused = await post('{"name":"Valid","sector":"retail"}', type);
      expect(refused.status).toBe(415);
      await expectRefusal(refused, type);
    }
    const large = await post(JSON.stringify({ name: "a".repeat(70_000), sector: "retail" }));
    expect(large.status).toBe(413);
    await expectRefusal(large, "large");
  });

  it("every field with every odd value, and unknown fields", async () => {
    const targets = [
      [
        "POST",
        "/api/companies",
        ["name", "sector", "yearEstablished", "revenueMillions", "employees", "country", "parentCompanyId"],
      ],
      [
        "PATCH",
        "/api/companies/konex",
        [
          "name",
          "sector",
          "yearEstablished",
          "revenueMillions",
          "employees",
          "country",
          "parentCompanyId",
          "id",
          "version",
        ],
      ],
      [
        "PATCH",
        "/api/deals/1C1I7A6R",
        ["stage", "engageDate", "closeDate", "closeValue", "companyId", "userId", "id"],
      ],
      ["PATCH", "/api/users/carl-lin", ["manager", "office", "name"]],
      ["POST", "/api/load", ["running", "rate"]],
    ] as const;
    for (const [method, path, fields] of targets) {
      for (const field of fields) {
        for (const value of VALUES) {
          const body = JSON.stringify({ [field]: value });
          const response = await demo.request(path, {
            method,
            body,
            headers: { "content-type": "application/json" },
          });
          if (response.status >= 300) await expectRefusal(response, `${method} ${path} ${body.slice(0, 80)}`);
        }
      }
    }
    await demo.load.stop();
  });

  it("1,500 random requests", async () => {
    const random = createRandom(20_161_020);
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
    const paths = [
      "companies",
      "companies/konex",
      "deals",
      "deals/1C1I7A6R",
      "users",
      "users/carl-lin",
      "cache/explain",
      "analytics/pipeline",
      "load",
      "import/report",
      "sectors",
      "nothing",
    ];
    const fields = [
      "name",
      "sector",
      "employees",
      "stage",
      "closeDate",
      "closeValue",
      "running",
      "office",
      "__proto__",
      "constructor",
    ];
    for (let turn = 0; turn < 1500; turn++) {
      const method = pick(["GET", "POST", "PATCH", "DELETE", "PUT", "OPTIONS", "HEAD"]);
      const query = `${pick(["page", "limit", "q", "key", "stage", "x"])}=${encodeURIComponent(pick(ODD).toWellFormed())}`;
      const url = `/api/${pick(paths)}${random() < 0.2 ? `/${encodeURIComponent(pick(ODD).toWellFormed())}` : ""}?${query}`;
      const body =
        random() < 0.2
          ? pick(ODD)
          : JSON.stringify({ [pick(fields)]: pick(VALUES), [pick(fields)]: pick(VALUES) });
      const withBody = method === "POST" || method === "PATCH" || method === "PUT";
      const response = await demo.request(url, {
        method,
        headers: { "content-type": random() < 0.9 ? "application/json" : "text/plain" },
        ...(withBody ? { body } : {}),
      });
      const what = `${turn}: ${method} ${url.slice(0, 120)} ${body.slice(0, 80)}`;
      expect(response.status, what).toBeLessThan(500);
      if (response.status >= 400 && method !== "HEAD") await expectRefusal(response, what);
    }
    await demo.load.stop();
  });

  it("and none of it was a failure in the log", () => {
    expect(demo.logged).toEqual([]);
  });
});

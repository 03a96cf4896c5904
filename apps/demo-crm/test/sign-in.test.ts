import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cache, startApp, type TestApp, USER } from "./start-app.ts";

const { signInService } = await import("../src/services/sign-in-service.ts");
const PASSWORD = "correct horse";
const json = { "content-type": "application/json" };

let demo: TestApp;
beforeAll(async () => {
  demo = await startApp({ limits: { perUser: 20, perAddress: 1_000, signInsPerAccount: 6 } });
  await signInService.setPassword(USER, PASSWORD);
});
afterAll(() => demo.close());

/** As a browser that has no cookie yet. */
const signIn = (user: string, password: string, headers: Record<string, string> = {}) =>
  demo.app.request("/api/session", {
    method: "POST",
    body: JSON.stringify({ user, password }),
    headers: { ...json, ...headers },
  });
const cookieOf = (response: Response) => response.headers.get("set-cookie")!.split(";")[0]!;
const change = (headers: Record<string, string>) =>
  demo.app.request("/api/companies/konex", {
    method: "PATCH",
    body: '{"employees":5}',
    headers: { ...json, ...headers },
  });

describe("signing in", () => {
  it("gives a session that may write, in a cookie that no script and no other site can use", async () => {
    expect((await change({})).status).toBe(401);
    const response = await signIn(USER, PASSWORD);
    expect([response.status, await response.json()]).toEqual([200, { data: { user: USER } }]);
    expect(response.headers.get("set-cookie")).toMatch(
      /; Max-Age=28800; Path=\/; HttpOnly; SameSite=Strict$/,
    );
    const cookie = cookieOf(response);
    expect((await change({ cookie })).status).toBe(200);

    const who = await demo.app.request("/api/session", { headers: { cookie } });
    expect(await who.json()).toEqual({ data: { user: USER } });
    await demo.app.request("/api/session", { method: "DELETE", headers: { cookie } });
    expect((await change({ cookie })).status).toBe(401);
  });

  it("a wrong password and a user who does not exist look the same", async () => {
    const wrong = await signIn(USER, "wrong password");
    const unknown = await signIn("nobody", PASSWORD);
    expect([wrong.status, unknown.status]).toEqual([401, 401]);
    expect(await wrong.text()).toBe(await unknown.text());
    expect(wrong.headers.get("set-cookie")).toBeNull();
  });

  it("is limited by account", async () => {
    const user = "carl-lin";
    for (let attempt = 1; attempt <= 6; attempt++) expect((await signIn(user, "wrong")).status).toBe(401);
    const refused = await signIn(user, "wrong");
    expect(refused.status).toBe(429);
    expect(refused.headers.get("content-type")).toContain("application/problem+json");
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(800);
    expect(await refused.json()).toMatchObject({ status: 429, "violated-policies": ["account"] });
  });

  it("a removed user is signed out, and nobody else", async () => {
    const created = await demo.send("POST", "/api/users", { name: "Short Stay", manager: "M", office: "O" });
    expect(created.status).toBe(201);
    const theirs = await cache.sessions.create("short-stay", {}, "1h");
    const removed = await demo.send("DELETE", "/api/users/short-stay", {});
    expect(removed.status).toBe(200);
    expect(await cache.sessions.read(theirs.id)).toBeNull();
    expect((await demo.json("/api/session")).body.data.user).toBe(USER);
  });

  it("never returns a hash, and no answer of the API holds one", async () => {
    const users = await demo.json(`/api/users/${USER}`);
    expect(JSON.stringify(users.body)).not.toMatch(/argon2|password/i);
  });
});

describe("another site", () => {
  it.each([
    ["Sec-Fetch-Site: cross-site", { "sec-fetch-site": "cross-site" }, 403],
    ["Sec-Fetch-Site: same-site", { "sec-fetch-site": "same-site" }, 403],
    ["an Origin that is another's", { origin: "https://evil.example" }, 403],
    ["Origin: null", { origin: "null" }, 403],
    ["Sec-Fetch-Site: same-origin", { "sec-fetch-site": "same-origin" }, 401],
    ["its own Origin", { origin: "http://localhost" }, 401],
  ])("%s is answered with %j %i", async (_, headers, status) => {
    expect((await change(headers as Record<string, string>)).status).toBe(status);
  });
});

describe("limits", () => {
  it("count by user and by address, say so in the standard fields, and refuse with a problem", async () => {
    const { id } = await cache.sessions.create("moses-frase", {}, "1h");
    const headers = { cookie: `crm-session=${id}` };
    const first = await demo.app.request("/api/sectors", { headers });
    expect(first.headers.get("ratelimit-policy")).toBe('"user";q=20;w=60, "address";q=1000;w=60');
    expect(first.headers.get("ratelimit")).toMatch(/^"user";r=19;t=\d+, "address";r=\d+;t=\d+$/);
    for (let request = 2; request <= 20; request++) await demo.app.request("/api/sectors", { headers });
    const refused = await demo.app.request("/api/sectors", { headers });
    expect(refused.status).toBe(429);
    expect(await refused.json()).toMatchObject({ "violated-policies": ["user"] });
    // Somebody else at the same address goes on.
    expect((await demo.json("/api/sectors")).status).toBe(200);
  });
});

describe("in production", () => {
  it("the cookie is for this host and HTTPS alone", async () => {
    const { sessionRoutes } = await import("../src/http/sessions.ts");
    const { createLimits } = await import("../src/http/limits.ts");
    const limits = createLimits();
    const routes = sessionRoutes(limits, { secure: true });
    const response = await routes.request("/", {
      method: "POST",
      body: JSON.stringify({ user: USER, password: PASSWORD }),
      headers: json,
    });
    expect(response.headers.get("set-cookie")).toMatch(/^__Host-crm-session=.*; Secure; SameSite=Strict$/);
    await limits.close();
  });
});

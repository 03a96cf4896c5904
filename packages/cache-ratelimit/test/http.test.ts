// The real frameworks, and a parser of Structured Fields.

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import {
  type Cache,
  createCache,
  type Logger,
  memoryStore,
  type Store,
  StoreUnavailableError,
} from "@crm/cache-core";
import express from "express";
import { rateLimit as expressRateLimit } from "express-rate-limit";
import Fastify from "fastify";
import { type Context, Hono } from "hono";
import { parseList } from "structured-headers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { rateLimit as forExpress, type RateLimitStore, rateLimitStore } from "../src/express/index.ts";
import { rateLimit as forFastify } from "../src/fastify/index.ts";
import { rateLimit as forHono, type HeaderStyle } from "../src/hono/index.ts";
import { createRateLimiter, type RateLimiter, type RateLimitResult } from "../src/index.ts";

let cache: Cache;
let limiter: RateLimiter;
beforeEach(() => {
  cache = createCache({ store: memoryStore() });
  limiter = createRateLimiter(cache, {
    burst: { limit: 2, window: "1500ms", algorithm: "gcra" },
    hour: { limit: 100, window: "1h" },
    trial: { limit: 1, window: "1h", shadow: true },
  });
});
afterEach(() => cache.close());

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

interface Given {
  readonly headers?: HeaderStyle | readonly HeaderStyle[] | false;
  readonly refused?: boolean;
  readonly cost?: number;
}

type Env = { Variables: { rateLimit: RateLimitResult } };

/** Each framework with one guarded route, asked by the key in `x-user`. */
const FRAMEWORKS: Record<
  string,
  (given: Given) => Promise<{ ask(user?: string): Promise<Answer>; close(): Promise<void> }>
> = {
  async hono({ refused, ...given }) {
    const app = new Hono<Env>();
    app.use(
      forHono(limiter, {
        ...given,
        subject: (c: Context<Env>) => c.req.header("x-user") ?? null,
        partitionKey: (c) => c.req.header("x-user") ?? "",
        refused: refused ? (c) => c.text("own", 418) : undefined,
      }),
    );
    app.get("/", (c) => c.text(`left ${c.get("rateLimit")?.remaining}`));
    return {
      async ask(user) {
        const response = await app.request("/", { headers: user === undefined ? {} : { "x-user": user } });
        return { status: response.status, headers: response.headers, body: await response.text() };
      },
      close: async () => {},
    };
  },
  async express({ refused, ...given }) {
    const app = express();
    app.use(
      forExpress<express.Request, express.Response>(limiter, {
        ...given,
        subject: (request) => request.header("x-user") ?? null,
        partitionKey: (request) => request.header("x-user") ?? "",
        refused: refused ? (_, response) => response.status(418).send("own") : undefined,
      }),
    );
    app.get("/", (_, response) => {
      response.send(`left ${response.locals.rateLimit?.remaining}`);
    });
    return serve(app);
  },
  async fastify({ refused, ...given }) {
    const app = Fastify();
    app.addHook(
      "onRequest",
      forFastify(limiter, {
        ...given,
        subject: (request: { headers: Record<string, unknown> }) =>
          (request.headers["x-user"] as string) ?? null,
        partitionKey: (request: { headers: Record<string, unknown> }) =>
          (request.headers["x-user"] as string) ?? "",
        refused: refused
          ? (_, reply) => {
              reply.code(418);
              return reply.send("own");
            }
          : undefined,
      }),
    );
    app.get("/", async () => "left");
    return {
      async ask(user) {
        const response = await app.inject({
          url: "/",
          headers: user === undefined ? {} : { "x-user": user },
        });
        return {
          status: response.statusCode,
          headers: new Headers(response.headers as Record<string, string>),
          body: response.body,
        };
      },
      close: () => app.close(),
    };
  },
};

async function serve(
  app: express.Express,
): Promise<{ ask(user?: string): Promise<Answer>; close(): Promise<void> }> {
  const server = app.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return {
    async ask(user) {
      const headers: Record<string, string> = {
        connection: "close",
        ...(user === undefined ? {} : { "x-user": user }),
      };
      const response = await fetch(url, { headers });
      return { status: response.status, headers: response.headers, body: await response.text() };
    },
    async close() {
      server.close();
      await once(server, "close");
    },
  };
}

/** As a client would read it: name and parameters of each member. */
function members(field: string | null): [unknown, Record<string, unknown>][] {
  return parseList(field ?? "").map(([name, parameters]) => [name, Object.fromEntries(parameters)]);
}

describe.each(Object.keys(FRAMEWORKS))("%s", (name) => {
  const open = FRAMEWORKS[name] as (typeof FRAMEWORKS)[string];

  it("tells every policy as Structured Fields of draft-11, none of them a shadow", async () => {
    const app = await open({});
    const { status, headers, body } = await app.ask("u1");
    expect(status).toBe(200);
    expect(body).toContain("left");
    expect(members(headers.get("ratelimit-policy"))).toEqual([
      ["burst", { q: 2, w: 2, pk: expect.anything() }],
      ["hour", { q: 100, w: 3_600, pk: expect.anything() }],
    ]);
    expect(members(headers.get("ratelimit"))).toEqual([
      ["burst", { r: 1, t: 1, pk: expect.anything() }],
      ["hour", { r: 99, t: 3_600, pk: expect.anything() }],
    ]);
    expect(headers.get("retry-after")).toBe(null);
    const other = await app.ask("u2");
    expect(other.headers.get("ratelimit-policy")).not.toBe(headers.get("ratelimit-policy"));
    await app.close();
  });

  it("refuses with 429, Retry-After rounded up, and problem details that name the policies", async () => {
    const app = await open({});
    for (let i = 0; i < 2; i++) expect((await app.ask("u")).status).toBe(200);
    const { status, headers, body } = await app.ask("u");
    expect(status).toBe(429);
    expect(headers.get("content-type")).toContain("application/problem+json");
    expect(headers.get("retry-after")).toBe("1");
    expect(members(headers.get("ratelimit"))[0]).toEqual(["burst", { r: 0, t: 2, pk: expect.anything() }]);
    expect(JSON.parse(body)).toEqual({
      type: "https://iana.org/assignments/http-problem-types#quota-exceeded",
      title: "Request cannot be satisfied as assigned quota has been exceeded",
      status: 429,
      detail: "Try again in 1 second.",
      "violated-policies": ["burst"],
    });
    await app.close();
  });

  it("speaks the older drafts and X-RateLimit, several at once, or nothing", async () => {
    const older = await open({ headers: ["draft-7", "x"] });
    const { headers } = await older.ask("u");
    expect(headers.get("ratelimit-policy")).toBe("2;w=2, 100;w=3600");
    expect(headers.get("ratelimit")).toBe("limit=2, remaining=1, reset=1");
    expect(headers.get("x-ratelimit-limit")).toBe("2");
    expect(headers.get("x-ratelimit-remaining")).toBe("1");
    expect(headers.get("x-ratelimit-reset")).toBe("1");
    await older.close();
    const eight = await open({ headers: "draft-8" });
    expect(members((await eight.ask("v")).headers.get("ratelimit"))[0]?.[1]).toMatchObject({ r: 1, t: 1 });
    await eight.close();
    const silent = await open({ headers: false });
    for (let i = 0; i < 2; i++) expect((await silent.ask("w")).headers.get("ratelimit")).toBe(null);
    const refused = await silent.ask("w");
    expect([refused.headers.get("ratelimit"), refused.headers.get("retry-after")]).toEqual([null, "1"]);
    await silent.close();
  });

  it("counts what cannot be a key by its digest: no visitor causes an error, or goes uncounted", async () => {
    const app = await open({});
    const tokens = ["t".repeat(1_500), `${"t".repeat(1_499)}u`, "caf\u0085", ""];
    for (const token of tokens) {
      const statuses = [];
      for (let i = 0; i < 3; i++) statuses.push((await app.ask(token)).status);
      expect(statuses, JSON.stringify(token.slice(0, 8))).toEqual([200, 200, 429]);
    }
    expect((await app.ask("t".repeat(1_024))).status).toBe(200);
    await app.close();
  });

  it("lets pass uncounted whom nobody names, charges what a request costs, and answers in words of yours", async () => {
    const app = await open({ cost: 2, refused: true });
    for (let i = 0; i < 5; i++) expect((await app.ask()).status).toBe(200);
    expect((await app.ask("u")).status).toBe(200);
    const own = await app.ask("u");
    expect([own.status, own.body]).toEqual([418, "own"]);
    expect(own.headers.get("retry-after")).toBe("2");
    await app.close();
  });
});

describe("hono", () => {
  it("sets the fields of a response that a handler has made itself, and leaves those of the inner limiter", async () => {
    const app = new Hono();
    const subject = () => "u";
    const inner = createRateLimiter(cache, { inner: { limit: 1, window: "1h" } }, { name: "inner" });
    app.use(forHono(limiter, { subject }));
    app.use("/inner", forHono(inner, { subject, refused: () => new Response("own", { status: 429 }) }));
    app.all("*", () => new Response("made elsewhere"));
    const outer = await app.request("/");
    expect(members(outer.headers.get("ratelimit-policy")).map(([name]) => name)).toEqual(["burst", "hour"]);
    for (const [status, body] of [
      [200, "made elsewhere"],
      [429, "own"],
    ] as const) {
      await limiter.reset("u");
      const response = await app.request("/inner");
      expect([response.status, await response.text()]).toEqual([status, body]);
      expect(members(response.headers.get("ratelimit"))).toEqual([["inner", { r: 0, t: 3_600 }]]);
      expect(response.headers.get("retry-after")).toBe(status === 429 ? "3600" : null);
    }
  });
});

describe("express-rate-limit", () => {
  it("counts in the store, tells when the window ends, gives back, and resets", async () => {
    const app = express();
    const store = rateLimitStore(cache);
    app.use(
      expressRateLimit({
        windowMs: 60_000,
        limit: 2,
        store,
        standardHeaders: "draft-8",
        keyGenerator: (request) => request.header("x-user") ?? "nobody",
      }),
    );
    app.get("/", (_, response) => {
      response.send("ok");
    });
    const server = await serve(app);
    expect([
      (await server.ask("a")).status,
      (await server.ask("a")).status,
      (await server.ask("a")).status,
    ]).toEqual([200, 200, 429]);
    expect((await server.ask("b")).status).toBe(200);
    const found = await store.get("a");
    expect(found?.totalHits).toBe(3);
    expect((found?.resetTime?.getTime() ?? 0) - Date.now()).toBeGreaterThan(55_000);
    await store.decrement("a");
    expect((await store.get("a"))?.totalHits).toBe(2);
    await store.resetKey("a");
    expect(await store.get("a")).toBe(undefined);
    expect((await server.ask("a")).status).toBe(200);
    await server.close();
  });

  it("tells stores of other names and scopes apart by their prefix, so that several on one request are no double count", async () => {
    const reportedOf = async (...stores: RateLimitStore[]): Promise<unknown[]> => {
      const reported: unknown[] = [];
      const report = (error: unknown): void => void reported.push(error);
      const app = express();
      for (const store of stores) {
        app.use(expressRateLimit({ limit: 9, store, logger: { error: report, warn: report } }));
      }
      app.get("/", (_, response) => {
        response.send("ok");
      });
      const server = await serve(app);
      expect((await server.ask()).status).toBe(200);
      await server.close();
      return reported;
    };
    const all = (): RateLimitStore => rateLimitStore(cache);
    const others = [rateLimitStore(cache, { name: "burst" }), rateLimitStore(cache.scope("acme"))];
    expect(await reportedOf(all(), ...others)).toEqual([]);
    expect(await reportedOf(all(), all())).toMatchObject([{ code: "ERR_ERL_DOUBLE_COUNT" }]);
  });

  it("counts a key that cannot be one by its digest, so that nobody passes uncounted where errors let pass", async () => {
    const store = rateLimitStore(cache);
    for (const key of ["t".repeat(1_500), "a\u0085b", ""]) {
      for (const totalHits of [1, 2]) expect(await store.increment(key)).toMatchObject({ totalHits });
      await store.resetKey(key);
      expect(await store.get(key)).toBe(undefined);
    }
    await expect(store.increment(undefined as never)).rejects.toMatchObject({ code: "INVALID_KEY" });
  });

  it("does not reject when a hit cannot be given back, for express-rate-limit 7 catches nothing there", async () => {
    const inner = memoryStore();
    const away: Store = {
      ...inner,
      run: (operation) =>
        Promise.reject(new StoreUnavailableError({ operation: operation.name, reason: "down" })),
    };
    const warnings: unknown[] = [];
    const warn = (_: unknown, message: string): void => void warnings.push(message);
    const logger = { debug() {}, info() {}, warn, error() {} };
    const broken = createCache({ store: away, logger: logger as unknown as Logger });
    const store = rateLimitStore(broken);
    await store.decrement("u");
    expect(warnings).toContain("A hit could not be given back; it counts until its window ends");
    await expect(store.increment("u")).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    await broken.close();
  });

  it("H2 a decrement makes no key: nothing is given back where nothing was spent", async () => {
    const store = rateLimitStore(cache);
    await store.decrement("nobody");
    const keys: string[] = [];
    for await (const page of cache.internals.store.scan(cache.namespace)) keys.push(...page);
    expect(keys.filter((key) => key.includes("nobody"))).toEqual([]);
    expect((await store.increment("nobody")).totalHits).toBe(1);
  });
});

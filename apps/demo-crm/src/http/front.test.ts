import { expect, it } from "vitest";
import { createFront } from "./front.ts";

const ask = async (front: ReturnType<typeof createFront>, path: string) => {
  const { listen } = await import("../listen.ts");
  const port = await listen(front.server, { host: "127.0.0.1", port: 0 });
  return { port, answer: fetch(`http://127.0.0.1:${port}${path}`) };
};
const end = (front: ReturnType<typeof createFront>) => {
  front.server.close();
  front.server.closeAllConnections();
};

it("serves the page, says that it is not ready, and has data wait for the app", async () => {
  const front = createFront();
  const { port, answer } = await ask(front, "/api/analytics/pipeline?x=1");
  const page = await fetch(`http://127.0.0.1:${port}/companies`);
  expect([page.status, page.headers.get("content-security-policy")]).toEqual([
    200,
    expect.stringContaining("default-src 'none'"),
  ]);
  expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
  expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(503);
  front.open((request) => new Response(`of the app: ${new URL(request.url).search}`));
  expect(await (await answer).text()).toBe("of the app: ?x=1");
  // From then on nothing is in between.
  expect(await (await fetch(`http://127.0.0.1:${port}/companies`)).text()).toBe("of the app: ");
  end(front);
});

it("tells who has waited too long to ask again", async () => {
  const front = createFront({ waitMs: 20 });
  const response = await (await ask(front, "/api/sectors")).answer;
  expect([response.status, response.headers.get("retry-after")]).toEqual([503, "1"]);
  expect(await response.json()).toMatchObject({ code: "STARTING", status: 503 });
  end(front);
});

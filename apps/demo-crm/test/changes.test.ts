import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startApp, type TestApp } from "./start-app.ts";

let demo: TestApp;
beforeAll(async () => {
  demo = await startApp();
});
afterAll(() => demo.close());

/** What the stream says, message by message. */
async function follow(signal: AbortSignal): Promise<() => Promise<{ event: string; data: unknown }>> {
  const response = await demo.app.request("/api/changes", { signal });
  expect(response.headers.get("content-type")).toContain("text/event-stream");
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  return async () => {
    for (;;) {
      const found = /^event: (.*)\ndata: (.*)\n\n/.exec(text);
      if (found) {
        text = text.slice(found[0].length);
        return { event: found[1]!, data: JSON.parse(found[2]!) };
      }
      const { value, done } = await reader.read();
      if (done) return { event: "end", data: null };
      text += value;
    }
  };
}

describe("the stream of changes", () => {
  it("says when it listens, then what was written; who reads after that reads the new value", async () => {
    const gone = new AbortController();
    const next = await follow(gone.signal);
    expect(await next()).toEqual({ event: "ready", data: { quietMs: expect.any(Number) } });

    await demo.json("/api/companies/konex");
    const written = await demo.send("PATCH", "/api/companies/konex", { employees: 4321 });
    expect(written.status).toBe(200);
    const { event, data } = await next();
    expect([event, data]).toEqual([
      "changes",
      [{ event: "entity:updated", entityType: "companies", entityId: "konex" }],
    ]);
    expect((await demo.json("/api/companies/konex")).body.data.employees).toBe(4321);
    gone.abort();
  });

  it("says for how long nothing has been written when it begins to listen", async () => {
    const quietMs = async () => {
      const gone = new AbortController();
      const { data } = await (await follow(gone.signal))();
      gone.abort();
      return (data as { quietMs: number }).quietMs;
    };
    await quietMs();
    const before = performance.now();
    expect((await demo.send("PATCH", "/api/companies/konex", { employees: 4322 })).status).toBe(200);
    // Between the write and now, and not as long as it has been listened.
    expect(await quietMs()).toBeLessThanOrEqual(performance.now() - before);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(await quietMs()).toBeGreaterThanOrEqual(29);
  });

  it("says nothing of a refused write", async () => {
    const gone = new AbortController();
    const next = await follow(gone.signal);
    await next();
    expect((await demo.send("PATCH", "/api/companies/nobody", { employees: 1 })).status).toBe(404);
    const task = (await demo.json("/api/tasks?limit=1")).body.data.items[0];
    await demo.send("PATCH", `/api/tasks/${task.id}`, { status: "doing" });
    expect((await next()).data).toMatchObject([{ entityType: "tasks", entityId: task.id }]);
    gone.abort();
  });
});

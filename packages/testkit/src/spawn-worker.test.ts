import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { spawnWorker, type Worker, WorkerExitError } from "./spawn-worker.ts";

const module = new URL("../test/fixtures/worker.ts", import.meta.url);

test("answers calls by name, many at a time, with rich values", async () => {
  await using worker = await spawnWorker(module);
  const payloads = [
    new Date(0),
    10n,
    new Map([["a", new Uint8Array([1, 2])]]),
    undefined,
    { nested: [null] },
  ];
  expect(await Promise.all(payloads.map((payload) => worker.call("echo", payload)))).toEqual(payloads);
  expect(worker.pid).not.toBe(process.pid);
});

test("passes arguments and variables on, and nothing of the test runner", async () => {
  await using worker = await spawnWorker(module, { args: ["--as", "reader"], env: { CRM_TEST: "yes" } });
  expect(await worker.call("argv")).toEqual(["--as", "reader"]);
  expect(await worker.call("env", "CRM_TEST")).toBe("yes");
  expect(await worker.call("env", "VITEST")).toBeUndefined();
});

test("an error of a handler arrives with its name, code and stack", async () => {
  await using worker = await spawnWorker(module);
  const failure = worker.call("fail");
  await expect(failure).rejects.toMatchObject({
    name: "TypeError",
    message: "that did not work",
    code: "E_TEST",
    stack: expect.stringContaining("fixtures/worker.ts"),
  });
  await expect(worker.call("no such")).rejects.toThrow('no handler "no such"');
  await expect(worker.call("toString")).rejects.toThrow("no handler");
});

test("what cannot be sent is the caller's error, and the worker goes on", async () => {
  await using worker = await spawnWorker(module);
  await expect(worker.call("echo", () => {})).rejects.toThrow("could not be cloned");
  await expect(worker.call("uncloneable")).rejects.toThrow("could not be cloned");
  expect(await worker.call("echo", 1)).toBe(1);
});

test("a crash rejects what was outstanding, with the last words of the worker", async () => {
  await using worker = await spawnWorker(module);
  const hanging = worker.call("hang");
  const crash = worker.call("crash");
  for (const call of [hanging, crash]) {
    await expect(call).rejects.toThrow(WorkerExitError);
    await expect(call).rejects.toThrow(/ended with code 3[\s\S]*last words/);
  }
  expect(await worker.exited).toMatchObject({ code: 3, stderr: "last words\n" });
  await expect(worker.call("echo")).rejects.toThrow(WorkerExitError);
});

test("a module that fails to load is reported with its stack", async () => {
  const broken = spawnWorker(new URL("../test/fixtures/broken-worker.ts", import.meta.url));
  await expect(broken).rejects.toThrow(/before it called serveWorker\(\)[\s\S]*broken on purpose/);
});

test("a module that does not serve is given up on", async () => {
  const mute = spawnWorker(new URL("../test/fixtures/mute-worker.ts", import.meta.url), {
    readyTimeoutMs: 300,
  });
  await expect(mute).rejects.toThrow("did not call serveWorker() within 300 ms");
});

test("kill ends it by SIGKILL", async () => {
  await using worker = await spawnWorker(module);
  const hanging = worker.call("hang");
  hanging.catch(() => {});
  await worker.kill();
  expect(await worker.exited).toMatchObject({ code: null, signal: "SIGKILL" });
  await expect(hanging).rejects.toThrow("was ended by SIGKILL");
});

test("paused it answers nothing, resumed it answers what it was asked", async () => {
  await using worker = await spawnWorker(module);
  await worker.pause();
  const answer = worker.call("echo", "hello");
  expect(await Promise.race([answer, sleep(150, "silence")])).toBe("silence");
  worker.resume();
  expect(await answer).toBe("hello");
});

test("stop lets it end by itself, paused or not", async () => {
  const worker = await spawnWorker(module);
  await worker.pause();
  expect(await worker.stop()).toMatchObject({ code: 0 });
  expect(await worker.stop()).toMatchObject({ code: 0 });
});

test("four workers at once", async () => {
  const workers: Worker[] = await Promise.all([1, 2, 3, 4].map(() => spawnWorker(module)));
  expect(await Promise.all(workers.map((worker, index) => worker.call("echo", index)))).toEqual([0, 1, 2, 3]);
  await Promise.all(workers.map((worker) => worker.stop()));
});

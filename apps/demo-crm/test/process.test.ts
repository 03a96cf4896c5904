import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { request } from "node:http";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { afterEach, describe, expect, inject, it } from "vitest";

const MAIN = new URL("../src/main.ts", import.meta.url).pathname;
const children: ChildProcess[] = [];

interface Demo {
  readonly child: ChildProcess;
  readonly output: () => string;
  /** Resolves when the output contains the text. */
  until(text: string): Promise<void>;
  readonly exited: Promise<{ code: number | null; signal: string | null }>;
}

/** The demo as a process of its own, from the sources, in a folder that is not its own. */
function startDemo(env: Record<string, string> = {}, args: string[] = []): Demo {
  const { PATH, NODE_OPTIONS } = process.env;
  const child = spawn(process.execPath, ["--conditions=@crm/source", MAIN, ...args], {
    cwd: tmpdir(),
    env: {
      PATH,
      NODE_OPTIONS,
      NODE_COMPILE_CACHE: inject("compileCache"),
      DATABASE_TEMPLATE: inject("emptyDatabase"),
      PORT: "0",
      ...env,
    } as NodeJS.ProcessEnv,
  });
  children.push(child);
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text));
  const exited = once(child, "close").then(([code, signal]) => ({ code, signal }));
  return {
    child,
    exited,
    output: () => output,
    until: (text) =>
      new Promise((resolve, reject) => {
        const look = () => output.includes(text) && resolve();
        child.stdout.on("data", look);
        child.stderr.on("data", look);
        look();
        exited.then(() => reject(new Error(`It ended before it said "${text}":\n${output}`)));
      }),
  };
}

const urlOf = (demo: Demo) => /http:\/\/\S+/.exec(demo.output().split("Ready after")[1] ?? "")![0];

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

describe("the demo as a process", () => {
  it("imports with progress, serves from any folder, and ends cleanly on SIGTERM", async () => {
    const signal = "SIGTERM";
    const demo = startDemo({ DEMO_PASSWORD: "of this test" });
    await demo.until("Ready after");
    const output = demo.output();
    expect(output).toContain("Importing deals: 8,800 of 8,800\n");
    expect(output).not.toContain("\r");
    expect(output).toContain("Imported 85 companies, 35 users, 7 products, 8,800 deals");
    expect(output).toContain("1,425  deals.company: no account is named");
    expect(output).toMatch(/embedded/);
    expect(output).toContain("Made up, and marked so: 239 contacts");
    expect(output).toContain("Sign in as darcel-schlecht with DEMO_PASSWORD");
    expect(output).not.toContain("of this test");

    const url = urlOf(demo);
    // A stream that never ends by itself and an idle connection must not hold it up.
    const stream = await fetch(`${url}/api/live`);
    expect((await fetch(url)).status).toBe(200);
    expect(await (await fetch(`${url}/readyz`)).json()).toMatchObject({
      ready: true,
      warming: { reason: "warmed" },
    });
    const signedIn = await fetch(`${url}/api/session`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ user: "darcel-schlecht", password: "of this test" }),
    });
    expect(signedIn.status).toBe(200);
    const cookie = signedIn.headers.get("set-cookie")!.split(";")[0]!;
    // A write is under way: the server has its head and waits for its body.
    const write = request(`${url}/api/companies/konex`, {
      method: "PATCH",
      headers: { "content-type": "application/json", expect: "100-continue", cookie },
    });
    const answered = once(write, "response");
    write.flushHeaders();
    await once(write, "continue");

    const stoppedAt = performance.now();
    demo.child.kill(signal);
    demo.child.kill(signal);
    await demo.until(`Stopping (${signal})`);
    write.end('{"employees":7}');
    const [answer] = await answered;
    expect(answer.statusCode).toBe(200);
    answer.resume();

    expect(await demo.exited).toEqual({ code: 0, signal: null });
    expect(performance.now() - stoppedAt).toBeLessThan(5_000);
    await stream.text().catch(() => {});
    expect(demo.output()).toContain("Stopped\n");
    expect(demo.output()).not.toMatch(/UnhandledPromise|Warning|\n\s+at /);
  });

  it("stops while it still imports", async () => {
    const demo = startDemo();
    await demo.until("Importing companies");
    demo.child.kill("SIGINT");
    expect((await demo.exited).code).toBe(0);
    expect(demo.output()).toContain("Stopped before it was ready");
  });

  it("refuses a port that was asked for and is taken, in one line", async () => {
    const other = await occupy(0);
    const { port } = other.address() as { port: number };
    const demo = startDemo({ PORT: String(port) });
    expect((await demo.exited).code).toBe(1);
    expect(demo.output()).toContain(`EADDRINUSE`);
    expect(demo.output()).not.toMatch(/\n\s+at /);
    other.close();
  });

  it.each([
    // What else can be wrong is in src/read-settings.test.ts.
    [{ DATABASE_URL: "mysql://user:hunter2@host/db" }, [], "DATABASE_URL"],
    [{}, ["--presist"], "--presist"],
    // It names what is wrong after the database has begun to open.
    [{ REDIS_URL: "http://user:hunter2@host" }, [], "REDIS_URL: expected redis://"],
  ])("names what is wrong with %j %j and ends", async (env, args, name) => {
    const demo = startDemo(env as Record<string, string>, args);
    expect((await demo.exited).code).toBe(1);
    expect(demo.output()).toContain(name);
    expect(demo.output()).not.toMatch(/hunter2|\n\s+at /);
  });
});

function occupy(port: number): Promise<Server> {
  const server = createServer();
  return new Promise((resolve) => server.listen(port, "127.0.0.1", () => resolve(server)));
}

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { Agent, get } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { listen } from "../listen.ts";
import { type Balancer, createBalancer } from "./balance.ts";

const INSTANCE = new URL("../../test/support/small-instance.ts", import.meta.url).pathname;
/** By hand: BALANCE_KILLS=30. */
const KILLS = Number(process.env.BALANCE_KILLS ?? 3);

const running: { balancer: Balancer; instances: Set<ChildProcess> }[] = [];
afterEach(() => {
  for (const { balancer, instances } of running.splice(0)) {
    for (const instance of instances) instance.kill("SIGKILL");
    balancer.close();
  }
});

async function start(options: { readonly noticesDeath: boolean }) {
  const balancer = createBalancer();
  const instances = new Set<ChildProcess>();
  running.push({ balancer, instances });
  const port = await listen(balancer.server, { host: "127.0.0.1", port: 0 });
  async function add(): Promise<ChildProcess> {
    const instance = fork(INSTANCE, { execArgv: ["--conditions=@crm/source"] });
    instances.add(instance);
    await once(instance, "message");
    balancer.add(
      options.noticesDeath
        ? instance
        : ({ send: instance.send.bind(instance), on: instance.on.bind(instance), once() {} } as never),
    );
    return instance;
  }
  return { port, add, balancer };
}

/** On a connection of its own: the process that answered. */
const ask = (port: number, timeoutMs = 5_000): Promise<number> =>
  new Promise((resolve, reject) => {
    const request = get({ port, host: "127.0.0.1", agent: new Agent() }, (response) => {
      let text = "";
      response.on("data", (part) => (text += part));
      response.on("end", () => resolve(Number(text)));
    });
    request.setTimeout(timeoutMs, () => request.destroy(new Error(`no answer in ${timeoutMs} ms`)));
    request.on("error", reject);
  });

/** Six connections while one of three instances is stopped; then it is killed. */
async function askWhileOneDies(port: number, victim: ChildProcess, timeoutMs?: number) {
  victim.kill("SIGSTOP");
  const answers = Promise.allSettled(Array.from({ length: 6 }, () => ask(port, timeoutMs)));
  // As long as it takes until all of them have been handed over: the others have answered by then.
  await new Promise((resolve) => setTimeout(resolve, 100));
  const gone = once(victim, "exit");
  victim.kill("SIGKILL");
  await gone;
  return answers;
}

describe("the balancer", () => {
  it("gives each connection to the next instance", async () => {
    const { port, add } = await start({ noticesDeath: true });
    const pids = [await add(), await add(), await add()].map(({ pid }) => pid);
    const answers = [];
    for (let at = 0; at < 6; at++) answers.push(await ask(port));
    expect(answers).toEqual([...pids, ...pids]);
  });

  it("a connection that was handed to an instance which dies is answered by another one, every time", async () => {
    const { port, add } = await start({ noticesDeath: true });
    const instances = [await add(), await add(), await add()];
    for (let turn = 0; turn < KILLS; turn++) {
      const victim = instances.shift() as ChildProcess;
      const answers = await askWhileOneDies(port, victim);
      expect(answers.map(({ status }) => status)).toEqual(Array(6).fill("fulfilled"));
      expect(answers).not.toContainEqual({ status: "fulfilled", value: victim.pid });
      instances.push(await add());
    }
  }, 60_000);

  it("control: without the notice of its death they are never answered", async () => {
    const { port, add } = await start({ noticesDeath: false });
    const [victim] = [await add(), await add(), await add()];
    const answers = await askWhileOneDies(port, victim as ChildProcess, 1_500);
    expect(answers.filter(({ status }) => status === "rejected")).toHaveLength(2);
  });

  it("who comes while there is no instance waits for the next one", async () => {
    const { port, add } = await start({ noticesDeath: true });
    const answer = ask(port);
    const { pid } = await add();
    expect(await answer).toBe(pid);
  });
});

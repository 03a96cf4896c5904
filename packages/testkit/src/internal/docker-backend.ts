import { existsSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { homedir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { StartedTestContainer } from "testcontainers";
import type { Backend, LaunchRequest, ServerProcess } from "./backend.ts";
import { answersPing } from "./ping.ts";
import { reservePort } from "./reserve-port.ts";
import { watchContainer } from "./watchdog.ts";

const START_TIMEOUT_MS = 20_000;

function image(): string {
  return process.env.TEST_REDIS_IMAGE || "redis:7-alpine";
}

function usesHostNetwork(request: LaunchRequest): boolean {
  // Servers that talk to each other must reach each other at the address that they tell the clients.
  return request.talksToOthers || process.env.TEST_REDIS_DOCKER_NETWORK === "host";
}

/** Whether a Docker engine answers, asked without loading Testcontainers, which takes most of a second. */
export async function dockerAnswers(): Promise<{ hasImage(): Promise<boolean> } | undefined> {
  const named = process.env.DOCKER_HOST;
  const sockets = named?.startsWith("unix://")
    ? [named.slice("unix://".length)]
    : [
        "/var/run/docker.sock",
        join(homedir(), ".docker/run/docker.sock"),
        join(process.env.XDG_RUNTIME_DIR ?? "/nonexistent", "docker.sock"),
      ];
  const remote = named !== undefined && !named.startsWith("unix://");
  const answered = await Promise.all(sockets.filter((path) => existsSync(path)).map(pingEngine));
  if (!remote && !answered.includes(true)) return undefined;
  return { hasImage };
}

function pingEngine(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const ping = httpRequest({ socketPath, path: "/_ping", timeout: 1_000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    ping.once("timeout", () => ping.destroy(new Error("timeout")));
    ping.once("error", () => resolve(false));
    ping.end();
  });
}

async function hasImage(): Promise<boolean> {
  try {
    const { getContainerRuntimeClient, ImageName } = await import("testcontainers");
    const client = await getContainerRuntimeClient();
    return await client.image.exists(ImageName.fromString(image()));
  } catch {
    return false;
  }
}

/** Runs servers in containers. */
export const dockerBackend: Backend = { via: "docker", prepare };

async function prepare(request: LaunchRequest): Promise<ServerProcess> {
  const { GenericContainer, getContainerRuntimeClient, StartupCheckStrategy } = await import(
    "testcontainers"
  );
  // The other strategies of Testcontainers look at published ports or run a shell inside; `start()` waits by itself.
  class DoNotWait extends StartupCheckStrategy {
    override async checkStartupState(): Promise<"SUCCESS"> {
      return "SUCCESS";
    }
  }
  const { port, busPort, release } = await reservePort();
  const hostNetwork = usesHostNetwork(request);
  const listenPort = hostNetwork ? port : 6379;
  const bind = hostNetwork ? "127.0.0.1" : "0.0.0.0";
  const configPath = "/data/server.conf";
  const command = [
    "redis-server",
    ...(request.configFile === undefined ? [] : [configPath]),
    ...["--bind", bind, "--protected-mode", "no", "--port", String(listenPort), "--dir", "/data"],
    ...request.args,
  ];
  let container = new GenericContainer(image()).withCommand(command).withWaitStrategy(new DoNotWait());
  container = hostNetwork
    ? container.withNetworkMode("host")
    : container.withExposedPorts({ container: listenPort, host: port });
  if (request.configFile !== undefined) {
    const content = { content: request.configFile, target: configPath, mode: 0o666 };
    container = container.withCopyContentToContainer([content]);
  }
  let started: StartedTestContainer | undefined;
  let running = false;
  let unwatch: (() => void) | undefined;
  let host = "127.0.0.1";

  async function engineContainer() {
    const client = await getContainerRuntimeClient();
    return client.container.getById(started!.getId());
  }

  async function signal(name: string): Promise<void> {
    if (started && running) await (await engineContainer()).kill({ signal: name });
  }

  async function start(): Promise<void> {
    if (started) {
      await (await engineContainer()).start();
    } else {
      started = await container.start();
      unwatch = watchContainer(started.getId());
      if (!hostNetwork) host = started.getHost();
    }
    running = true;
    const deadline = performance.now() + START_TIMEOUT_MS;
    while (!(await answersPing(host, port))) {
      const { State } = await (await engineContainer()).inspect();
      if (!State.Running) {
        running = false;
        throw new Error(`redis-server did not start in its container\n${await lastWords()}`);
      }
      if (performance.now() > deadline) {
        throw new Error(
          `The container's Redis gave no answer at ${host}:${port} within ${START_TIMEOUT_MS} ms. ` +
            "If published ports cannot be reached from here, set TEST_REDIS_DOCKER_NETWORK=host.",
        );
      }
      await sleep(20);
    }
  }

  async function lastWords(): Promise<string> {
    const output = await (await engineContainer()).logs({ stdout: true, stderr: true, tail: 15 });
    return output.toString("utf8").trim();
  }

  async function kill(): Promise<void> {
    if (!started || !running) return;
    await signal("SIGKILL");
    running = false;
    await (await engineContainer()).wait();
  }

  return {
    get host() {
      return host;
    },
    port,
    busPort,
    pid: undefined,
    get running() {
      return running;
    },
    start,
    kill,
    pause: () => signal("SIGSTOP"),
    resume: () => signal("SIGCONT"),
    removeData: async () => false,
    async remove() {
      running = false;
      await started?.stop({ timeout: 0 });
      unwatch?.();
      await release();
    },
  };
}

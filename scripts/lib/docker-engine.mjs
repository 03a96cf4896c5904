import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { aptInstall, canInstall } from "./apt.mjs";
import { answers } from "./docker-api.mjs";
import { run, which } from "./run.mjs";

// An engine of our own, for machines that have none running: a private socket, private state, gone afterwards.
//
// What was found by trying, as root in a Debian 12 virtual machine without systemd (docker.io 20.10, cgroup v1):
// - dockerd starts with its defaults, but then leaves its iptables chains, FORWARD policy DROP, ip_forward=1 and the docker0
//   bridge behind. None of that is needed here: with `--iptables=false --ip-forward=false --ip-masq=false` the userland proxy
//   alone makes published ports reachable on 127.0.0.1, and containers reach one another over the bridge. They cannot
//   reach the outside, which the tests do not need. `docker0` remains and is removed below.
// - On ext4 and tmpfs dockerd takes overlay2; where the root is an overlay itself it takes vfs, without being told.
// - The network namespace that dockerd mounts under its exec-root outlives it and has to be unmounted before the removal.
// - A first container is up in 0.3 s. Ryuk, Testcontainers' reaper, has to be pulled and is switched off: the engine's end
//   ends every container anyway.

/**
 * @typedef {object} OwnEngine
 * @property {string} socketPath
 * @property {() => Promise<void>} stop ends the engine and its containers, and removes what it left
 */

/** @returns {string | undefined} why no engine can be started here, if none can */
export function engineObstacle() {
  if (process.platform !== "linux") return "an engine is started on Linux only; start Docker yourself";
  if (process.getuid?.() !== 0) return "starting an engine needs root; start Docker yourself";
  if (!which("dockerd") && !canInstall()) return "there is no dockerd, and no apt-get to install it with";
  const capabilities = BigInt(
    `0x${readFileSync("/proc/self/status", "utf8").match(/^CapEff:\s*(\w+)/m)?.[1] ?? 0}`,
  );
  // CAP_NET_ADMIN (12) for the bridge, CAP_SYS_ADMIN (21) for mounts and namespaces: a plain container has neither.
  for (const bit of [12n, 21n]) {
    if (!(capabilities & (1n << bit))) return "this container is not privileged, so no engine can run in it";
  }
  return undefined;
}

/** @returns {Promise<OwnEngine>} */
export async function startEngine() {
  if (!which("dockerd")) await aptInstall(["docker.io"]);
  const home = mkdtempSync(join(tmpdir(), "crm-cache-docker-"));
  const socketPath = join(home, "docker.sock");
  const hadBridge = existsSync("/sys/class/net/docker0");
  const log = openSync(join(home, "log"), "w");
  const child = spawn(
    "dockerd",
    [
      `--host=unix://${socketPath}`,
      `--data-root=${join(home, "data")}`,
      `--exec-root=${join(home, "exec")}`,
      `--pidfile=${join(home, "pid")}`,
      "--iptables=false",
      "--ip6tables=false",
      "--ip-forward=false",
      "--ip-masq=false",
    ],
    // A group of its own: Ctrl-C reaches this process, which then stops the engine in order.
    { stdio: ["ignore", log, log], detached: true },
  );
  closeSync(log);
  const exited = new Promise((resolve) => child.once("close", resolve).once("error", resolve));

  const stop = async () => {
    child.kill("SIGTERM");
    if ((await Promise.race([exited.then(() => true), delay(20_000, false, { ref: false })])) === false) {
      child.kill("SIGKILL");
      await exited;
    }
    await removeTraces(home, hadBridge);
  };

  for (let tries = 0; tries < 120 && child.exitCode === null; tries += 1) {
    if (await answers({ socketPath })) return { socketPath, stop };
    await delay(250);
  }
  const lines = readFileSync(join(home, "log"), "utf8").trimEnd().split("\n").slice(-8).join("\n");
  await stop();
  throw new Error(`dockerd did not start:\n${lines}`);
}

/**
 * @param {string} home
 * @param {boolean} hadBridge
 */
async function removeTraces(home, hadBridge) {
  const mounts = readFileSync("/proc/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[1])
    .filter((path) => path?.startsWith(`${home}/`));
  for (const path of mounts.reverse()) await run("umount", ["-l", String(path)], { quiet: true });
  if (!hadBridge) await run("ip", ["link", "delete", "docker0"], { quiet: true });
  rmSync(home, { recursive: true, force: true });
}

import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";

const available = availableParallelism() >= 2 && spawnSync("taskset", ["-V"]).status === 0;

/** Whether server and contender get a core each. */
export const pinning: boolean = available;

/** The command line that runs `command` on the core of its role. */
export function pinned(role: "server" | "contender", command: string, args: string[]): [string, string[]] {
  return available ? ["taskset", ["-c", role === "server" ? "1" : "0", command, ...args]] : [command, args];
}

/** Keeps this process to the core of its role. */
export function keepToCore(role: "server" | "contender"): void {
  if (available) spawnSync("taskset", ["-apc", role === "server" ? "1" : "0", `${process.pid}`]);
}

import { readFileSync } from "node:fs";
import { cpus, loadavg, totalmem } from "node:os";
import { pinning } from "./pinned.ts";
import { Server, startServer } from "./server.ts";

/** Describes the machine and the run; call `end` when the last scenario is done. */
export async function observeConditions(): Promise<{ end(rounds: string, mode: string): string }> {
  const { port, stop } = await startServer();
  const server = new Server(port);
  const redis = await server.version();
  server.close();
  await stop();
  const before = readCpuTime();
  const loadBefore = loadavg()[0]!;
  return {
    end: (rounds, mode) => {
      const after = readCpuTime();
      const stolen =
        before && after ? (after.stolen - before.stolen) / (after.total - before.total) : undefined;
      return [
        `${new Date().toISOString().slice(0, 10)}; ${cpus()[0]!.model.trim()}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB`,
        `Node ${process.versions.node}, Redis ${redis} on loopback without persistence${pinning ? ", pinned to core 1, single-process contenders to core 0" : ", nothing pinned"}`,
        `${rounds}, ${mode}; load average ${loadBefore.toFixed(2)} at the start, ${loadavg()[0]!.toFixed(2)} at the end${stolen === undefined ? "" : `, ${(stolen * 100).toFixed(1)}% of the CPU time stolen by the host`}`,
      ].join("; ");
    },
  };
}

const PEERS = [
  "ioredis",
  "ioredis6",
  "lru-cache",
  "async-cache-dedupe",
  "bentocache",
  "cache-manager",
  "cacheable",
  "keyv",
  "@keyv/redis",
  "@epic-web/cachified",
  "rate-limit-redis",
  "rate-limiter-flexible",
  "@upstash/ratelimit",
  "redlock",
  "redis-semaphore",
] as const;

export function describeVersions(): string {
  return PEERS.map((name) => `${name.replace("ioredis6", "ioredis")} ${versionOf(name)}`).join(", ");
}

function versionOf(name: string): string {
  const path = new URL(`../node_modules/${name}/package.json`, import.meta.url);
  return (JSON.parse(readFileSync(path, "utf8")) as { version: string }).version;
}

/** Linux only: jiffies of all cores. */
function readCpuTime(): { total: number; stolen: number } | undefined {
  try {
    const fields = readFileSync("/proc/stat", "utf8")
      .split("\n", 1)[0]!
      .trim()
      .split(/\s+/)
      .slice(1)
      .map(Number);
    return { total: fields.slice(0, 8).reduce((a, b) => a + b, 0), stolen: fields[7] ?? 0 };
  } catch {
    return undefined;
  }
}

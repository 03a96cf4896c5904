import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Writable } from "node:stream";

/**
 * Reads `+ id` and `- id` until its input ends, which the kernel sees to however the parent ends (exit, crash,
 * SIGKILL). Then it kills the processes and removes the containers that are left, by id, and removes the directory.
 */
const SCRIPT = `
ids=
while read -r verb id; do
  case $verb in
    +) ids="$ids $id" ;;
    -) kept=; for each in $ids; do [ "$each" = "$id" ] || kept="$kept $each"; done; ids=$kept ;;
  esac
done
for each in $ids; do
  case $each in
    docker:*) docker rm -fv "\${each#docker:}" ;;
    *) kill -9 "$each" ;;
  esac
done
rm -rf "$1"
`;

let watchdog: { readonly input: Writable; readonly directory: string } | undefined;

function start(): NonNullable<typeof watchdog> {
  const directory = mkdtempSync(join(tmpdir(), "crm-testkit-"));
  // Detached: a Ctrl-C at the terminal goes to the whole process group and must not take the watchdog with it.
  const child = spawn("/bin/sh", ["-c", SCRIPT, "testkit-watchdog", directory], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  child.unref();
  const input = child.stdin;
  // A pipe of a child is a socket, which would keep this process alive; its type does not say so.
  (input as unknown as { unref(): void }).unref();
  input.on("error", () => {});
  return { input, directory };
}

/** The directory of this process: everything in it is removed after the process has ended. */
export function scratchDirectory(): string {
  watchdog ??= start();
  return watchdog.directory;
}

/** Sees to it that `child` does not outlive this process, whatever happens to this process. */
export function watch(child: ChildProcess): void {
  const { pid } = child;
  if (pid === undefined) return;
  child.once("exit", remember(String(pid)));
}

/**
 * The same for a container, for the time when nobody else does it: Testcontainers has a reaper that can be switched off.
 * Needs the `docker` command. Returns the function to call when the container has been removed.
 */
export function watchContainer(id: string): () => void {
  return remember(`docker:${id}`);
}

function remember(id: string): () => void {
  watchdog ??= start();
  const { input } = watchdog;
  input.write(`+ ${id}\n`);
  return () => void input.write(`- ${id}\n`);
}

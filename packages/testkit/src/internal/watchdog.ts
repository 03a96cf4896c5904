import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Writable } from "node:stream";

/**
 * Reads `+ pid` and `- pid` until its input ends, which the kernel sees to however the parent ends (exit, crash,
 * SIGKILL). Then it kills what is left, by pid, and removes the directory.
 */
const SCRIPT = `
pids=
while read -r verb pid; do
  case $verb in
    +) pids="$pids $pid" ;;
    -) kept=; for each in $pids; do [ "$each" = "$pid" ] || kept="$kept $each"; done; pids=$kept ;;
  esac
done
[ -z "$pids" ] || kill -9 $pids 2>/dev/null
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
  watchdog ??= start();
  const { input } = watchdog;
  input.write(`+ ${pid}\n`);
  child.once("exit", () => input.write(`- ${pid}\n`));
}

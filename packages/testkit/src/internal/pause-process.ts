import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * SIGSTOP. Resolves when the process has stopped: a signal arrives when its target is next scheduled, and until then it
 * may still answer.
 */
export async function pauseProcess(pid: number): Promise<void> {
  process.kill(pid, "SIGSTOP");
  while ((await stateOf(pid)) === "running") await sleep(1);
}

/** Linux only; elsewhere the signal is taken to have arrived. */
async function stateOf(pid: number): Promise<"running" | "stopped" | "unknown"> {
  const stat = await readFile(`/proc/${pid}/stat`, "latin1").catch(() => undefined);
  if (stat === undefined) return "unknown";
  // "pid (name) state …", where the name may contain anything.
  const state = stat.charAt(stat.lastIndexOf(")") + 2);
  return "TZX".includes(state) ? "stopped" : "running";
}

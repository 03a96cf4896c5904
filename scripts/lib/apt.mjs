import { run, which } from "./run.mjs";

/** @returns {boolean} whether this process may install Debian packages */
export function canInstall() {
  return process.platform === "linux" && process.getuid?.() === 0 && which("apt-get") !== undefined;
}

/**
 * Installs Debian packages without asking anything. Prints apt's output only when it fails.
 *
 * @param {readonly string[]} names
 */
export async function aptInstall(names) {
  console.log(`Installing ${names.join(", ")} with apt-get`);
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  // Another apt run (unattended upgrades on a fresh machine) may hold the lock for a while.
  const wait = ["-o", "DPkg::Lock::Timeout=120"];
  // A stale index is good enough when the mirror is out of reach and the package is in it, so only the install decides.
  const update = await run("apt-get", [...wait, "update", "-q"], { env, quiet: true, timeoutMs: 180_000 });
  const args = [...wait, "install", "-y", "-q", "--no-install-recommends", ...names];
  const install = await run("apt-get", args, { env, quiet: true, timeoutMs: 300_000 });
  if (install.code !== 0) {
    throw new Error(`apt-get could not install ${names.join(", ")}:\n${update.output}\n${install.output}`);
  }
}

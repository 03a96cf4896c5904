import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/**
 * @typedef {object} RunOptions
 * @property {string} [cwd]
 * @property {Record<string, string | undefined>} [env] Added to this process's environment; `undefined` removes a name.
 * @property {number} [timeoutMs] The command is killed after this. Default: no limit.
 * @property {boolean} [quiet] Keep the output instead of passing it on.
 * @property {boolean} [keep] Keep the output and pass it on. Without either it is passed on only, and the result has none.
 */

/**
 * Runs a command to its end, without a shell and without stdin. Never rejects for a command that fails: look at `code`.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {RunOptions} [options]
 * @returns {Promise<{ code: number, output: string, stdout: string }>} `output` has stderr too; `code` is 127 when the command does not exist, 124 after a timeout.
 */
export function run(command, args, options = {}) {
  return new Promise((resolve) => {
    const heard = options.quiet || options.keep ? "pipe" : "inherit";
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ["ignore", heard, heard],
    });
    let output = "";
    let stdout = "";
    let timedOut = false;
    child.stdout?.on("data", (chunk) => {
      output += chunk;
      stdout += chunk;
      if (!options.quiet) process.stdout.write(chunk);
    });
    child.stderr?.on("data", (chunk) => {
      output += chunk;
      if (!options.quiet) process.stderr.write(chunk);
    });
    const timer =
      options.timeoutMs &&
      setTimeout(() => {
        timedOut = true;
        child.kill("SIGKILL");
      }, options.timeoutMs);
    child.on("error", (error) => {
      clearTimeout(timer);
      resolve({ code: 127, output: error.message, stdout });
    });
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ code: timedOut ? 124 : (code ?? 1), output, stdout });
    });
  });
}

/**
 * As `run`, quiet, for a command that has to succeed.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {RunOptions} [options]
 * @returns {Promise<string>} its output
 */
export async function capture(command, args, options = {}) {
  const { code, output } = await run(command, args, { ...options, quiet: true });
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${code}:\n${output}`);
  return output;
}

/**
 * Where a program is, or `undefined`.
 *
 * @param {string} name
 * @returns {string | undefined}
 */
export function which(name) {
  for (const directory of (process.env.PATH ?? "").split(delimiter)) {
    const path = join(directory, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // The next directory may have it.
    }
  }
  return undefined;
}

/**
 * @param {number} startedAt what `performance.now()` said at the start
 * @returns {string} for example `12.3 s`
 */
export function elapsed(startedAt) {
  return `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;
}

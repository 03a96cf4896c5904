import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/**
 * Runs TypeScript as a program of its own in a folder, on the sources of this repository, and resolves to what it printed. It has
 * nothing but what it awaits: a promise that is left unsettled ends it with code 13, and that rejects. So does a program
 * that has not ended after 15 seconds.
 */
export async function runProgram(program: string, folder: string): Promise<string> {
  const { stdout } = await run(
    process.execPath,
    [
      "--conditions=@crm/source",
      "--experimental-strip-types",
      "--input-type=module-typescript",
      "-e",
      program,
    ],
    { cwd: folder, env: { PATH: process.env.PATH, NODE_NO_WARNINGS: "1" }, timeout: 15_000 },
  );
  return stdout;
}

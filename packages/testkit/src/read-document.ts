import { execFile } from "node:child_process";
import { access, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const execute = promisify(execFile);

/** What a program wrote before it ended with 0. */
export interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

/** A Markdown document of a package, with the programs in it. */
export interface PackageDocument {
  readonly text: string;
  /** The blocks marked `ts run`, in order. */
  readonly programs: readonly string[];
  /** The languages of all blocks, in order; "" where none is named. */
  readonly languages: readonly string[];
  /**
   * Runs one as a program of its own, in the environment of a reader who has no Redis: nothing is set but `env`.
   *
   * @throws {Error} with what it wrote, when it does not end with 0 within 20 s
   */
  run(program: string, env?: Readonly<Record<string, string>>): Promise<Output>;
  /** The test files that the document names. */
  readonly tests: readonly string[];
  /** Those of them that do not exist. */
  missingTests(): Promise<string[]>;
}

/**
 * Reads a document of the package at `root`.
 *
 * @example
 * ```ts
 * const readme = await readDocument(join(import.meta.dirname, ".."), "README.md");
 * const { stdout } = await readme.run(readme.programs[0]);
 * ```
 */
export async function readDocument(root: string, name: string): Promise<PackageDocument> {
  const text = await readFile(join(root, name), "utf8");
  const programs = [...text.matchAll(/^```ts run\n(.*?)^```/gms)].map(([, code]) => code as string);
  // Every second fence ends a block.
  const languages = [...text.matchAll(/^```(\w*)/gm)]
    .filter((_, nth) => nth % 2 === 0)
    .map(([, language]) => language as string);
  const named = [...text.matchAll(/`((?:test|src)\/[\w./-]+\.test\.ts)`/g)].map(([, file]) => file as string);
  const tests = [...new Set(named)];

  return {
    text,
    programs,
    languages,
    tests,

    async run(program, env = {}) {
      // Inside the package, so that it finds the package by its name.
      const folder = await mkdtemp(join(root, "test", ".document-"));
      try {
        const file = join(folder, "program.ts");
        await writeFile(file, program);
        return await execute(process.execPath, ["--conditions=@crm/source", file], {
          cwd: folder,
          env: { PATH: process.env.PATH, NODE_NO_WARNINGS: "1", ...env },
          timeout: 20_000,
        });
      } finally {
        await rm(folder, { recursive: true });
      }
    },

    async missingTests() {
      const missing = await Promise.all(
        tests.map((file) =>
          access(join(root, file)).then(
            () => [],
            () => [file],
          ),
        ),
      );
      return missing.flat();
    },
  };
}

import { existsSync, mkdirSync, readdirSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { capture, run } from "../run.mjs";
import { readJson } from "../workspace.mjs";

/** @typedef {import("./local-registry.mjs").Registry} Registry */
/** @typedef {import("./toolbox.mjs").Toolbox} Toolbox */
/** @typedef {import("./first-example.mjs").Example} Example */

/** What a stranger writes under each resolution; the types of Node lie outside, so that the folder has only what is tested. */
const RESOLUTIONS = {
  nodenext: { module: "nodenext", moduleResolution: "nodenext" },
  bundler: { module: "esnext", moduleResolution: "bundler" },
};
export const RESOLUTION_NAMES = /** @type {("nodenext" | "bundler")[]} */ (Object.keys(RESOLUTIONS));
export const MANAGERS = /** @type {("npm" | "pnpm")[]} */ (["npm", "pnpm"]);

const CORE = "@crm/cache-core";
/** The types of the entry point that needs the optional peer. */
const REDIS_ENTRY = `import { redisStore } from "${CORE}/redis";
export const store = redisStore({ url: "redis://127.0.0.1" });
`;

/** An empty folder outside the workspace in which somebody uses one package. */
export class Consumer {
  /** @type {string} */ #folder;
  /** @type {string} */ #name;
  /** @type {"npm" | "pnpm"} */ #manager;
  /** @type {Registry} */ #registry;
  /** @type {Example} */ #example;

  /**
   * @param {string} folder does not exist yet
   * @param {{ name: string, manager: "npm" | "pnpm", registry: Registry, toolbox: Toolbox, example: Example }} options
   */
  constructor(folder, { name, manager, registry, toolbox, example }) {
    this.#folder = folder;
    this.#name = name;
    this.#manager = manager;
    this.#registry = registry;
    this.#example = example;
    mkdirSync(folder);
    this.#write("package.json", JSON.stringify({ name: "stranger", private: true, type: "module" }));
    this.#write(".npmrc", registry.npmrc);
    // pnpm waits a day before it takes a new version; these are seconds old. And nothing that is not asked for by name is
    // within reach, not even for the packages themselves.
    if (manager === "pnpm") this.#write("pnpm-workspace.yaml", "minimumReleaseAge: 0\nhoist: false\n");
    this.#write("example.ts", example.code);
    if (name === CORE) this.#write("redis.ts", REDIS_ENTRY);
    for (const [resolution, compilerOptions] of Object.entries(RESOLUTIONS)) {
      const config = {
        compilerOptions: {
          ...compilerOptions,
          target: "es2023",
          lib: ["es2023", "esnext.disposable"],
          strict: true,
          exactOptionalPropertyTypes: true,
          noUncheckedIndexedAccess: true,
          skipLibCheck: false,
          noEmit: true,
          types: ["node"],
          typeRoots: [toolbox.typeRoots],
        },
        files: name === CORE ? ["example.ts", "redis.ts"] : ["example.ts"],
      };
      this.#write(`tsconfig.${resolution}.json`, JSON.stringify(config));
    }
  }

  /**
   * The package alone, from an empty folder. npm puts cache-core, which it depends on, where a program finds it. pnpm does
   * not, so there the README's own line is what is installed.
   */
  async installAlone() {
    await this.install(...(this.#manager === "npm" ? [this.#name] : this.#example.installs));
  }

  /** @param {...string} names as after `npm install` */
  async install(...names) {
    await (this.#manager === "npm"
      ? this.#run("npm", "install", "--no-audit", "--no-fund", "--loglevel=error", ...names)
      : this.#run("pnpm", "add", "--reporter=append-only", ...names));
  }

  /** To the newest version that the ranges in the manifest allow. */
  async update() {
    await (this.#manager === "npm"
      ? this.#run("npm", "update", "--no-audit", "--no-fund", "--loglevel=error")
      : this.#run("pnpm", "update", "--reporter=append-only"));
  }

  /** To the newest version that there is, of each of our packages that the manifest names. */
  async upgrade() {
    const { dependencies } = readJson(join(this.#folder, "package.json"));
    await this.install(
      ...Object.keys(dependencies)
        .filter((name) => name.startsWith("@crm/"))
        .map((name) => `${name}@latest`),
    );
  }

  /**
   * Runs the example as it stands, TypeScript and all, and compares what it prints with what it says.
   *
   * @param {string} node an executable
   * @param {string} [redisUrl] without it the memory store is what it gets
   */
  async runExample(node, redisUrl) {
    const env = { ...this.#registry.env, REDIS_URL: redisUrl, NODE_NO_WARNINGS: "1" };
    const options = { cwd: this.#folder, env, timeoutMs: 60_000, quiet: true };
    const { code, output, stdout } = await run(node, ["example.ts"], options);
    if (code !== 0) throw new Error(`the example ended with ${code}:\n${output}`);
    const said = this.#example.prints.join("\n");
    if (stdout.trim() !== said) {
      throw new Error(`expected the example to print\n${said}\ngot\n${stdout}`);
    }
  }

  /**
   * @param {string} node
   * @param {string} tsc
   * @param {string} resolution
   */
  async typeCheck(node, tsc, resolution) {
    await capture(node, [tsc, "-p", `tsconfig.${resolution}.json`], {
      cwd: this.#folder,
      timeoutMs: 120_000,
    });
  }

  /**
   * Everything that lies in node_modules was asked for by the manifest, or by the manifest of something that was; and of our
   * own packages there is one copy each, of the version expected.
   *
   * @param {string} version
   */
  checkInstalled(version) {
    const found = installedPackages(join(this.#folder, "node_modules"));
    const asked = new Set(Object.keys(readJson(join(this.#folder, "package.json")).dependencies ?? {}));
    for (const name of asked) {
      for (const { manifest } of found.filter((copy) => copy.manifest.name === name)) {
        const { dependencies, optionalDependencies } = manifest;
        for (const other of Object.keys({ ...dependencies, ...optionalDependencies })) asked.add(other);
      }
    }
    for (const { manifest, path } of found) {
      if (!asked.has(manifest.name))
        throw new Error(`${path} is there, and nobody declares ${manifest.name}`);
    }
    const ours = found.filter(({ manifest }) => manifest.name.startsWith("@crm/"));
    for (const { manifest, path } of ours) {
      if (manifest.version !== version)
        throw new Error(`expected ${manifest.name} ${version}, got ${manifest.version} in ${path}`);
    }
    for (const name of [this.#name, CORE]) {
      const copies = ours.filter(({ manifest }) => manifest.name === name);
      if (copies.length !== 1) {
        throw new Error(
          `expected one copy of ${name}, got ${copies.length}: ${copies.map(({ path }) => path).join(", ")}`,
        );
      }
    }
  }

  /**
   * @param {string} program
   * @param {...string} args
   */
  async #run(program, ...args) {
    await capture(program, args, { cwd: this.#folder, env: this.#registry.env, timeoutMs: 180_000 });
  }

  /**
   * @param {string} name
   * @param {string} text
   */
  #write(name, text) {
    writeFileSync(join(this.#folder, name), text);
  }
}

/**
 * What a program in the folder, or a package that it imports, can reach: what lies in node_modules, nested in it, and, with
 * pnpm, beside the place that a link leads to. What a manager has left in its own folder from an earlier install is out of reach.
 *
 * @param {string} modules a node_modules folder
 * @param {Map<string, { path: string, manifest: any }>} [found] by real path
 * @returns {{ path: string, manifest: any }[]}
 */
function installedPackages(modules, found = new Map()) {
  const names = existsSync(modules) ? readdirSync(modules) : [];
  for (const name of names.filter((each) => !each.startsWith("."))) {
    const within = name.startsWith("@")
      ? readdirSync(join(modules, name)).map((part) => `${name}/${part}`)
      : [name];
    for (const full of within) {
      const path = join(modules, full);
      const real = realpathSync(path);
      if (found.has(real) || !existsSync(join(real, "package.json"))) continue;
      found.set(real, { path, manifest: readJson(join(real, "package.json")) });
      installedPackages(join(real, "node_modules"), found);
      if (real !== path && real.endsWith(join("node_modules", full))) {
        installedPackages(real.slice(0, -full.length - 1), found);
      }
    }
  }
  return [...found.values()];
}

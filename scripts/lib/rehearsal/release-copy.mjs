import { cpSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { capture } from "../run.mjs";
import { publishedPackages, readJson, root, workspacePackages } from "../workspace.mjs";

/** @typedef {import("./local-registry.mjs").Registry} Registry */

/**
 * A copy of what a release reads, so that versions, changelogs and tags of a rehearsal stay out of the checkout.
 *
 * It differs from the checkout in two things. Provenance is off, for only a CI with an identity of its own can sign it. And each
 * manifest names the registry of the rehearsal, which goes before every setting: nothing can be published anywhere else.
 */
export class ReleaseCopy {
  /** @type {string} */ #folder;
  /** @type {Registry} */ #registry;

  /**
   * @param {string} folder
   * @param {Registry} registry
   */
  constructor(folder, registry) {
    this.#folder = folder;
    this.#registry = registry;
  }

  /**
   * @param {string} folder an existing empty folder
   * @param {Registry} registry
   */
  static async make(folder, registry) {
    const copy = new ReleaseCopy(folder, registry);
    for (const name of ["package.json", "pnpm-workspace.yaml", "pnpm-lock.yaml", ".changeset"]) {
      cpSync(join(root, name), join(folder, name), { recursive: true });
    }
    const packages = workspacePackages().filter(({ path }) => path.startsWith("packages/"));
    for (const { directory, path, manifest } of packages) {
      const target = join(folder, path);
      if (!manifest.private && !existsSync(join(directory, "dist"))) {
        throw new Error(`${path}/dist does not exist: run \`pnpm build\` first`);
      }
      cpSync(directory, target, {
        recursive: true,
        filter: (file) => !/^(node_modules|test|\.turbo)$/.test(basename(file)),
      });
      const publishConfig = { access: "public", provenance: false, registry: registry.url };
      const rehearsed = JSON.stringify({ ...manifest, publishConfig }, null, 2);
      writeFileSync(join(target, "package.json"), `${rehearsed}\n`);
      // pnpm looks up the version that `workspace:^` stands for where an install would have linked it.
      const named = { ...manifest.dependencies, ...manifest.devDependencies };
      for (const { manifest: other, path: otherPath } of packages.filter(
        (found) => found.manifest.name in named,
      )) {
        const link = join(target, "node_modules", other.name);
        mkdirSync(dirname(link), { recursive: true });
        symlinkSync(join(folder, otherPath), link);
      }
    }
    // Where changesets finds the writer of the changelogs.
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
    writeFileSync(join(folder, ".gitignore"), "node_modules\n");
    writeFileSync(join(folder, ".npmrc"), registry.npmrc);
    await copy.#commit("init", "-q");
    return copy;
  }

  /**
   * Writes a changeset for every published package and turns all that there are into versions.
   *
   * @param {"patch" | "minor" | undefined} bump `undefined`: only the changesets of the checkout
   */
  async version(bump) {
    if (bump) {
      const lines = publishedPackages().map(({ manifest }) => `"${manifest.name}": ${bump}`);
      const text = `---\n${lines.join("\n")}\n---\n\nA ${bump} release of the rehearsal.\n`;
      writeFileSync(join(this.#folder, ".changeset", `rehearsal-${bump}.md`), text);
    }
    if (this.#hasChangesets()) await this.#changeset("version");
    await this.#commit();
    return this.currentVersion();
  }

  /** @returns {string} the version of the group */
  currentVersion() {
    const versions = publishedPackages().map(
      ({ path }) => readJson(join(this.#folder, path, "package.json")).version,
    );
    if (new Set(versions).size !== 1)
      throw new Error(`expected one version for all packages, got ${versions.join(", ")}`);
    return versions[0];
  }

  /** Publishes whatever the registry does not have yet. */
  async publish() {
    await this.#changeset("publish", "--no-git-tag");
  }

  /** @param {...string} args */
  async #changeset(...args) {
    const bin = join(root, "node_modules/@changesets/cli/bin.js");
    await capture(process.execPath, [bin, ...args], {
      cwd: this.#folder,
      // What is linked by hand, pnpm would want to install first.
      env: { ...this.#registry.env, pnpm_config_verify_deps_before_run: "false" },
      timeoutMs: 180_000,
    });
  }

  #hasChangesets() {
    return readdirSync(join(this.#folder, ".changeset")).some(
      (name) => name.endsWith(".md") && name !== "README.md",
    );
  }

  /** @param {...string} first a git command to run before */
  async #commit(...first) {
    const git = (/** @type {string[]} */ ...args) => capture("git", args, { cwd: this.#folder });
    if (first.length > 0) await git(...first);
    await git("add", "-A");
    const who = [
      "-c",
      "user.name=rehearsal",
      "-c",
      "user.email=rehearsal@localhost",
      "-c",
      "commit.gpgsign=false",
    ];
    await git(...who, "commit", "-q", "--allow-empty", "-m", "rehearsal");
  }
}

import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { capture } from "./run.mjs";
import { root as own, readJson, writeJson } from "./workspace.mjs";

const TEMPLATES = join(own, "scripts/templates/package");
/** Whose configuration and manifest a new package gets. */
const MODEL = "packages/cache-lock";
const SAME_AS_MODEL = ["LICENSE", "tsconfig.json", "tsup.config.ts", "turbo.json", "vitest.config.ts"];

/**
 * Makes `packages/cache-<name>`, a changeset for it, and its lines in the records of exports and sizes.
 *
 * @param {string} root of the checkout
 * @param {readonly string[]} names one name, without `cache-`
 * @returns {Promise<{ path: string, name: string }>} path from the root, and the name in the registry
 * @throws {Error} before anything is written
 */
export async function newPackage(root, names) {
  const [bare = "", ...others] = names;
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(bare) || bare.startsWith("cache-") || others.length > 0) {
    throw new Error(
      `expected one name of small letters, digits and hyphens, without "cache-" (pnpm new:package audit), got ${JSON.stringify(names.join(" "))}`,
    );
  }
  const name = `@crm/cache-${bare}`;
  const path = `packages/cache-${bare}`;
  const folder = join(root, path);
  if (existsSync(folder)) throw new Error(`expected ${path} not to exist: choose another name, or remove it`);
  const { fixed } = readJson(join(root, ".changeset/config.json"));
  if (!fixed.flat().includes("@crm/cache-*")) {
    throw new Error(`expected the fixed group of .changeset/config.json to be "@crm/cache-*"`);
  }

  const model = readJson(join(root, MODEL, "package.json"));
  mkdirSync(folder);
  for (const file of SAME_AS_MODEL) cpSync(join(root, MODEL, file), join(folder, file));
  for (const file of readdirSync(TEMPLATES, { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith(".txt")) continue;
    const target = join(folder, fill(file.slice(0, -".txt".length), bare));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, fill(readFileSync(join(TEMPLATES, file), "utf8"), bare));
  }
  await writeJson(join(folder, "package.json"), {
    ...model,
    name,
    description: "One sentence: what a reader can do with it that they could not before",
    keywords: [bare, "cache", "redis", "ioredis"],
    dependencies: { "@crm/cache-core": "workspace:^" },
    devDependencies: {
      "@crm/testkit": model.devDependencies["@crm/testkit"],
      ioredis: model.devDependencies.ioredis,
    },
  });

  // The order of names in an import depends on them.
  await capture("biome", ["check", "--write", "."], { cwd: folder });
  writeFileSync(
    join(root, `.changeset/new-${bare}.md`),
    `---\n"${name}": minor\n---\n\nNew: one sentence for the reader of the changelog.\n`,
  );
  const title = fill("__Name__", bare);
  await addTo(join(root, "scripts/exports.json"), name, [
    `create${title}`,
    `type ${title}`,
    `type ${title}Options`,
  ]);
  await addTo(join(root, "scripts/sizes.json"), name, {
    limit: "1 kB",
    message: "one verb over the cache; what it does is the cache's",
  });
  return { path, name };
}

/**
 * @param {string} text
 * @param {string} bare
 */
function fill(text, bare) {
  const title = bare.replace(/(?:^|-)(.)/g, (_, letter) => letter.toUpperCase());
  return text
    .replaceAll("__Name__", title)
    .replaceAll("__camel__", `${title[0]?.toLowerCase()}${title.slice(1)}`)
    .replaceAll("__name__", bare);
}

/**
 * @param {string} file of JSON
 * @param {string} key
 * @param {unknown} value
 */
async function addTo(file, key, value) {
  await writeJson(file, { ...readJson(file), [key]: value });
}

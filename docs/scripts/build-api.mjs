// The API reference: a page an entry point, from the TSDoc of what it exports.

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { Application, Converter, LogLevel, ReflectionKind } from "typedoc";
import { anchorByName } from "./anchor-by-name.mjs";
import { inlineTags } from "./inline-tags.mjs";
import { errorsOf, linkErrors } from "./link-errors.mjs";
import { ReferenceTheme } from "./reference-theme.mjs";
import { publishedPackages, root } from "./repository.mjs";

/**
 * @param {string} destination a folder, emptied first
 * @returns {Promise<{ page: string, title: string }[]>} the pages, by entry point
 */
export async function buildApi(destination) {
  const entries = publishedPackages().flatMap(({ directory, manifest }) =>
    Object.entries(manifest.exports)
      .flatMap(([subpath, { "@crm/source": source }]) =>
        source ? [{ subpath, source: join(directory, source) }] : [],
      )
      .map(({ subpath, source }) => ({
        source,
        folder: relative(join(root, "packages"), dirname(source)),
        title: manifest.name + subpath.slice(1),
        page: `${manifest.name.replace("@crm/", "")}${subpath.slice(1).replace("/", "-")}.md`,
      })),
  );
  const app = await Application.bootstrapWithPlugins({
    tsconfig: join(root, "docs/tsconfig.api.json"),
    outputs: [{ name: "markdown", path: destination }],
    highlightLanguages: ["ts", "sql", "json", "sh"],
    entryPoints: entries.map(({ source }) => source),
    plugin: ["typedoc-plugin-markdown"],
    readme: "none",
    excludeInternal: true,
    excludePrivate: true,
    excludeExternals: true,
    disableSources: true,
    skipErrorChecking: true, // the packages have been checked by then
    logLevel: LogLevel.Warn,
    sort: ["source-order"],
    groupOrder: ["Functions", "Variables", "Interfaces", "Type Aliases", "Classes", "*"],
    validation: { notExported: false, invalidLink: true, rewrittenLink: true, invalidPath: true },
    treatValidationWarningsAsErrors: true,
    // What the types of Node say of themselves.
    externalSymbolLinkMappings: { "@types/node": { "*": "#" } },
    ...{
      theme: "reference",
      outputFileStrategy: "modules",
      hideBreadcrumbs: true,
      hidePageHeader: true,
      hideGroupHeadings: true,
      expandParameters: true,
      parametersFormat: "none",
      entryFileName: "index",
      modulesFileName: "modules",
      sanitizeComments: true,
    },
  });
  app.renderer.defineTheme("reference", /** @type {any} */ (ReferenceTheme));
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => dropNoise(project));
  const project = await app.convert();
  if (!project) throw new Error("typedoc found no entry points");
  // Modules are named after folders; readers know the specifier that they import.
  for (const module of project.children ?? []) {
    const entry = entries.find(({ folder }) => folder === module.name);
    if (!entry) throw new Error(`typedoc made a module ${module.name}, which is no entry point`);
    module.name = entry.page.slice(0, -".md".length);
  }
  app.validate(project);
  if (app.logger.hasErrors() || app.logger.validationWarningCount > 0) {
    throw new Error("the API reference has the problems above");
  }
  rmSync(destination, { recursive: true, force: true });
  mkdirSync(destination, { recursive: true });
  await app.generateOutputs(project);

  const written = entries.map(({ page, title }) => {
    const file = join(destination, page);
    if (!existsSync(file)) throw new Error(`typedoc wrote no ${page}`);
    return { page, file, text: anchorByName(readFileSync(file, "utf8")).replace(/^# .*$/m, `# ${title}`) };
  });
  const errors = errorsOf(written);
  for (const { page, file, text } of written) {
    const body = inlineTags(linkErrors(text, page, errors));
    writeFileSync(file, `---\noutline: 2\npageClass: api\n---\n\n${body}`);
  }
  writeFileSync(
    join(destination, "index.md"),
    `# API\n\nEvery export of every entry point, from its comment.\n\n${entries
      .map(({ page, title }) => `- [${title}](./${page})`)
      .join("\n")}\n`,
  );
  return entries.map(({ page, title }) => ({ page: `api/${page}`, title }));
}

/**
 * A class here is an error. What it has in common with the others stands under `CacheError`, and nobody but its package makes one.
 *
 * @param {import("typedoc").ProjectReflection} project
 */
function dropNoise(project) {
  for (const owner of project.getReflectionsByKind(ReflectionKind.Class)) {
    if (!owner.isDeclaration()) continue;
    for (const member of [...(owner.children ?? [])]) {
      const isCommon = owner.name !== "CacheError" && ["name", "isInstance"].includes(member.name);
      if (member.kind === ReflectionKind.Constructor || member.inheritedFrom || isCommon) {
        project.removeReflection(member);
      }
    }
  }
}

if (import.meta.main) await buildApi(join(dirname(import.meta.dirname), ".pages/api"));

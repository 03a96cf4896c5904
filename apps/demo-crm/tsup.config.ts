import { defineConfig } from "tsup";

export default defineConfig({
  entry: ["src/main.ts"],
  format: "esm",
  target: "es2023",
  sourcemap: true,
  // Not what else the build makes, at the same time.
  clean: ["!web/**", "!postgres-template.tar.gz*"],
  splitting: true,
  // A few files instead of a thousand: reading and linking them was most of what a start took. Outside stays what has files of its own beside it.
  noExternal: [/^(?!@electric-sql\/pglite|@node-rs\/argon2|swagger-ui-dist)/],
  // From the sources of this repository's packages: the demo can be built when they are not.
  esbuildOptions(options) {
    options.conditions = ["@crm/source"];
  },
  // For packages that are CommonJS and ask for parts of Node.
  banner: {
    js: 'import { createRequire as createRequireOfBundle } from "node:module"; const require = createRequireOfBundle(import.meta.url);',
  },
});

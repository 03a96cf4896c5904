import { defineConfig } from "tsup";

export default defineConfig({
  entry: [
    "src/index.ts",
    "src/hono/index.ts",
    "src/express/index.ts",
    "src/fastify/index.ts",
    "src/testing/index.ts",
  ],
  format: "esm",
  target: "es2023",
  dts: true,
  sourcemap: true,
  clean: true,
  splitting: true,
});

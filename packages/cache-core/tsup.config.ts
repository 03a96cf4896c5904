import { defineConfig } from "tsup";

export default defineConfig({
  entry: [
    "src/index.ts",
    "src/redis/index.ts",
    "src/msgpack/index.ts",
    "src/otel/index.ts",
    "src/testing/index.ts",
  ],
  format: "esm",
  target: "es2023",
  dts: true,
  sourcemap: true,
  clean: true,
  splitting: true,
});

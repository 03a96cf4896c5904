import type { Options } from "tsup";

const options: Options = {
  entry: ["src/index.ts", "src/outbox/index.ts", "src/meter/index.ts"],
  format: "esm",
  target: "es2023",
  dts: true,
  sourcemap: true,
  clean: true,
  splitting: true,
};
export default options;

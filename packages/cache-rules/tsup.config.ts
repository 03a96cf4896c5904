import type { Options } from "tsup";

const options: Options = {
  entry: ["src/index.ts", "src/cli.ts"],
  format: "esm",
  target: "es2023",
  dts: true,
  sourcemap: true,
  clean: true,
  splitting: true,
};
export default options;

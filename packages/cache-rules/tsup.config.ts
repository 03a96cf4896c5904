import type { Options } from "tsup";

const options: Options = {
  entry: ["src/index.ts"],
  format: "esm",
  target: "es2023",
  dts: true,
  sourcemap: true,
  clean: true,
};
export default options;

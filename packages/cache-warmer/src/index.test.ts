import { expect, it } from "vitest";
import * as root from "./index.ts";

it("exports what it is known for", () => {
  expect(Object.keys(root).sort()).toMatchSnapshot();
});

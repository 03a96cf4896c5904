import { expect, it } from "vitest";
import { isPlain, toPlain } from "./event-text.ts";

it.each([
  ["import", "import"],
  ["Error: no\n\tat x", "Error: no  at x"],
  [" \r\n", undefined],
  ["", undefined],
  ["x".repeat(300), "x".repeat(256)],
  [`x${"ž".repeat(200)}`, `x${"ž".repeat(127)}`],
  ["😀".repeat(65), "😀".repeat(64)],
  [`xx${"😀".repeat(65)}`, `xx${"😀".repeat(63)}`],
])("%j becomes what a record can hold", (text, line) => {
  expect(toPlain(text, 256)).toBe(line);
  if (line !== undefined) expect(isPlain(line, 256)).toBe(true);
});

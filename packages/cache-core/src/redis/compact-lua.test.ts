import { expect, it } from "vitest";
import { compactLua } from "./compact-lua.ts";

it("takes out indentation, empty lines and lines of comment, and nothing else", () => {
  const lua = "\n-- KEYS: one.\nlocal a = 1\n\n  -- Why.\n  local s = '-- no comment'\n  return a, s\n";
  expect(compactLua(lua)).toBe("local a = 1\nlocal s = '-- no comment'\nreturn a, s");
});

it("leaves the first line alone when it tells how to run the script", () => {
  expect(compactLua("#!lua flags=allow-oom\n\n  return 1 -- one\n")).toBe(
    "#!lua flags=allow-oom\nreturn 1 -- one",
  );
});

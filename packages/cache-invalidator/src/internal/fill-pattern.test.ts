import { compileGlob } from "@crm/cache-core";
import { expect, it } from "vitest";
import { fillPattern } from "./fill-pattern.ts";

it("fills the id in as data, wherever it stands", () => {
  expect(fillPattern("a:{id}:*", "*")).toBe("a:\\*:*");
  expect(fillPattern("a:{id}:b:{id}", "$&")).toBe("a:$&:b:$&");
});

it.each(["*", "[", "\\", "š", "x"])(
  "an id of many %s gives a glob that covers it and is not too long",
  (character) => {
    const id = character.repeat(512 / Buffer.byteLength(character));
    for (const pattern of ["a:{id}", "a:{id}:*", "{id}", `${"y".repeat(1018)}{id}:z`]) {
      const glob = fillPattern(pattern, id);
      expect(Buffer.byteLength(glob)).toBeLessThanOrEqual(1024);
      expect(compileGlob(glob).matches(pattern.replaceAll("{id}", id))).toBe(true);
      expect(compileGlob(glob).matches("a:1")).toBe(false);
    }
  },
);

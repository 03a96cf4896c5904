import { expect, it } from "vitest";
import { slugId } from "../http/inputs.ts";
import { slug } from "./slug.ts";

it.each([
  ["Gekko & Co", "gekko-co"],
  ["Mei-Mei Johns", "mei-mei-johns"],
  ["  Söhne, Åse  ", "sohne-ase"],
  ["companies:*", "companies"],
  ["日本", ""],
])("%j becomes %j", (name, id) => {
  expect(slug(name)).toBe(id);
});

it("is an id that the API accepts, whatever the name", () => {
  for (const name of ["a".repeat(200), `${"a".repeat(63)} b`, "A--b", "é:*?[x]"])
    expect(slugId.safeParse(slug(name)).success, slug(name)).toBe(true);
});

import { expect, it } from "vitest";
import { type Dependency, dependencyTag, dependencyTags, track } from "./dependencies.ts";
import { InvalidOptionError, InvalidTagError } from "./errors.ts";

it("takes an entity, a pair and an object for the same", () => {
  expect(dependencyTag(["companies", 7])).toBe(dependencyTag({ entity: "companies", id: "7" }));
  expect(dependencyTag(["companies"] as never)).toBe(dependencyTag("companies"));
});

it.each([[{}], [Number.NaN], [Number.POSITIVE_INFINITY], [null], [true], [["a"]]])(
  "refuses the id %j",
  (id) => {
    for (const dependency of [["companies", id], { entity: "companies", id }] as unknown as Dependency[]) {
      expect(() => dependencyTags([dependency])).toThrow(InvalidOptionError);
      expect(() => dependencyTags([dependency])).toThrow(
        'Option "dependsOn.id": expected a string or a finite number',
      );
    }
    expect(() => track("companies", id as never)).toThrow(InvalidOptionError);
  },
);

it.each([[""], [7], [null], [{}], ["a\nb"]])("refuses the entity %j", (entity) => {
  expect(() => dependencyTags([entity as never])).toThrow(InvalidTagError);
});

it("keeps long ids apart", () => {
  const id = "x".repeat(500);
  expect(Buffer.byteLength(dependencyTag(["companies", id]))).toBeLessThanOrEqual(200);
  expect(dependencyTag(["companies", `${id}a`])).not.toBe(dependencyTag(["companies", `${id}b`]));
});

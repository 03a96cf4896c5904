import { describe, expect, it } from "vitest";
import { isAffected } from "./affected-queries.ts";

const change = (entityType: string, entityId: string) =>
  ({ event: "entity:updated", entityType, entityId }) as const;

describe("isAffected", () => {
  it.each([
    ["the row itself", ["companies", "detail", "konex"], true],
    ["another row of its kind", ["companies", "detail", "betatech"], false],
    ["lists of its kind", ["companies", "list", { page: 2 }], true],
    ["what shows its name", ["deals", "list", {}], true],
    ["figures", ["analytics", "pipeline"], true],
    ["the history of invalidations", ["cache-history", 50], true],
    ["what has nothing of it", ["tasks", "list", {}], false],
    ["who has signed in", ["session"], false],
  ])("a changed company: %s (%j) is %s", (_, queryKey, expected) => {
    expect(isAffected({ queryKey }, [change("companies", "konex")])).toBe(expected);
  });

  it("a changed deal changes the figures of companies", () => {
    expect(isAffected({ queryKey: ["companies", "detail", "konex"] }, [change("deals", "1C1I7A6R")])).toBe(
      true,
    );
  });

  it("an entity that is new to the page affects queries of its name", () => {
    expect(isAffected({ queryKey: ["months"] }, [change("months", "2017-03")])).toBe(true);
  });

  it("nothing changed, nothing affected", () => {
    expect(isAffected({ queryKey: ["cache-history", 50] }, [])).toBe(false);
  });
});

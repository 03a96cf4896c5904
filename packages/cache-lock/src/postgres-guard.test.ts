import { describe, expect, it } from "vitest";
import { fenceCondition, postgresGuard } from "./index.ts";

describe("postgresGuard", () => {
  it("puts nothing into SQL that is not a name", () => {
    for (const table of ["", "a b", 'a"b', "a;drop table b", "a.b.c.d", "1a", "é"]) {
      expect(() => postgresGuard({ table })).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }));
      expect(() => fenceCondition(table, 1)).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }));
    }
    for (const parameter of [0, 1.5, 65_536]) {
      expect(() => fenceCondition("fence", parameter)).toThrow(
        expect.objectContaining({ option: "parameter" }),
      );
    }
    expect(fenceCondition("app.invoices.fence", 2)).toBe('"app"."invoices"."fence" <= $2::bigint');
    for (const options of [null, "lock_fences"]) {
      expect(() => postgresGuard(options as never)).toThrow(
        expect.objectContaining({ code: "INVALID_OPTION", option: "options" }),
      );
    }
    expect(postgresGuard({ table: "app.fences" }).schema).toContain('"app"."fences"');
  });
});

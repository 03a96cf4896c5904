import { expect, test } from "vitest";
import { runProgram } from "./run-program.ts";

test("resolves to what a program printed, on the sources of its folder", async () => {
  const program = `
    import { percentile } from "./percentile.ts";
    const found: number = percentile([3], 0.5);
    console.log(found);
  `;
  expect(await runProgram(program, import.meta.dirname)).toBe("3\n");
});

test("rejects when a program ends before what it awaits", async () => {
  await expect(runProgram("await new Promise(() => {})", import.meta.dirname)).rejects.toMatchObject({
    code: 13,
  });
});

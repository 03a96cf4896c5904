import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { lockFolder } from "./lock-folder.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lock-folder-"));
});
afterEach(() => rm(folder, { recursive: true }));

it("a folder that another process uses is refused, and free again when it is unlocked", async () => {
  await writeFile(join(folder, "in-use-by"), String(process.ppid));
  await expect(lockFolder(folder)).rejects.toThrow("in use by another process");
  await rm(join(folder, "in-use-by"));
  const unlock = await lockFolder(folder);
  await unlock();
  expect(await readdir(folder)).toEqual([]);
});

it("a lock whose process is gone, or that is damaged, is taken over", async () => {
  for (const left of ["4194304999", "", "nonsense"]) {
    await writeFile(join(folder, "in-use-by"), left);
    await (await lockFolder(folder))();
  }
});

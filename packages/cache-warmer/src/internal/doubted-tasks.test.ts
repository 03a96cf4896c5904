import { describe, expect, it } from "vitest";
import { checkTask } from "./check-task.ts";
import { DoubtedTasks } from "./doubted-tasks.ts";
import { TaskBook } from "./task-book.ts";
import type { TaskRecord } from "./task-record.ts";
import { UsualSettings } from "./task-settings.ts";

const usual = new UsualSettings();
const task = (key: string): TaskRecord => checkTask({ key, fetcher: () => key }, usual);
const names = (records: readonly TaskRecord[]): string[] => records.map(({ name }) => name);

describe("tasks in doubt", () => {
  it("are taken once each, in the order in which they came, and may come again", () => {
    const doubted = new DoubtedTasks();
    const [a, b, c] = [task("a"), task("b"), task("c")];
    for (const record of [a, b, a, c, b]) doubted.add(record);
    expect(names(doubted.take())).toEqual(["a", "b", "c"]);
    expect(doubted.take()).toEqual([]);
    doubted.add(c);
    doubted.add(a);
    expect(names(doubted.take())).toEqual(["c", "a"]);
  });

  it("do not pile up where tasks are registered again and again, or come and go", () => {
    const book = new TaskBook();
    for (let n = 0; n < 1_000; n++) {
      book.add(task("again"));
      book.add(task(`gone ${n}`));
      book.remove(`gone ${n}`);
    }
    expect(book.doubts).toBeLessThanOrEqual(64 + 2 * 2);
    expect(names(book.takeDoubted())).toEqual(["again"]);
  });
});

import type { TaskRecord } from "./task-record.ts";

/** What waits for what among the tasks of one run. */
export interface DependencyPlan {
  /** How many tasks of the run a task still waits for; absent: none. */
  readonly waitsFor: Map<TaskRecord, number>;
  readonly dependents: ReadonlyMap<TaskRecord, readonly TaskRecord[]>;
  /** A task is as urgent as the most urgent one that waits for it. */
  priorityOf(record: TaskRecord): number;
}

/** Tasks outside the run count as ended. There are no cycles: registration refuses them. */
export function planDependencies(records: readonly TaskRecord[]): DependencyPlan {
  const waitsFor = new Map<TaskRecord, number>();
  const dependents = new Map<TaskRecord, TaskRecord[]>();
  const urgent = new Map<TaskRecord, number>();
  const waiting = records.filter(({ settings }) => settings.dependsOn.length > 0);
  if (waiting.length > 0) {
    const byName = new Map(records.map((record) => [record.name, record]));
    for (const record of waiting) {
      let count = 0;
      for (const name of record.settings.dependsOn) {
        const dependency = byName.get(name);
        if (dependency === undefined) continue;
        count++;
        const others = dependents.get(dependency);
        if (others === undefined) dependents.set(dependency, [record]);
        else others.push(record);
      }
      if (count > 0) waitsFor.set(record, count);
    }
    // Priorities flow from the dependents to what they wait for; most urgent first, so each is raised at most once a level.
    const raised = [...waiting].sort((a, b) => b.settings.priority - a.settings.priority);
    for (const start of raised) {
      const stack = [start];
      const priority = urgent.get(start) ?? start.settings.priority;
      for (let record = stack.pop(); record !== undefined; record = stack.pop()) {
        for (const name of record.settings.dependsOn) {
          const dependency = byName.get(name);
          if (
            dependency === undefined ||
            (urgent.get(dependency) ?? dependency.settings.priority) >= priority
          )
            continue;
          urgent.set(dependency, priority);
          stack.push(dependency);
        }
      }
    }
  }
  return { waitsFor, dependents, priorityOf: (record) => urgent.get(record) ?? record.settings.priority };
}

import type { CheckedEvent } from "./check-event.ts";
import type { Unit } from "./prepare-unit.ts";
import { shortEvent, type WireEvent, type WireRecord } from "./records.ts";

/** What a record says beside the unit. */
export interface RecordFrame {
  readonly id: string;
  readonly scope: string;
  readonly instance: string;
  /** Ms of the server's clock. */
  readonly now: number;
  /** Keys that go because of a dependency. */
  readonly traced: readonly string[];
}

/** The record of a unit before its outcome is known. Of equal events there is one. */
export function buildRecord(unit: Unit, { id, scope, instance, now, traced }: RecordFrame): WireRecord {
  const { steps, dependencies, softDependencies } = unit;
  const [first] = unit.events as readonly [CheckedEvent];
  const events = new Map<string, WireEvent>();
  for (const { event, entityType, entityId, actor, cause } of unit.events) {
    const own = actor !== first.actor || cause !== first.cause;
    const wire: WireEvent = own
      ? [shortEvent(event), entityType, entityId, actor ?? null, cause ?? null]
      : [shortEvent(event), entityType, entityId];
    events.set(JSON.stringify(wire), wire);
  }
  return {
    t: "i",
    id,
    sc: scope,
    ts: now,
    in: instance,
    ev: [...events.values()],
    p: unit.hard,
    ...(unit.soft.length > 0 ? { sp: unit.soft } : {}),
    ...(dependencies.length + softDependencies.length > 0 ? { d: 1 as const } : {}),
    ...(traced.length > 0 ? { dk: traced } : {}),
    c: steps.map(({ path }) => path),
    ...(first.actor === undefined ? {} : { a: first.actor }),
    ...(first.cause === undefined ? {} : { w: first.cause }),
  };
}

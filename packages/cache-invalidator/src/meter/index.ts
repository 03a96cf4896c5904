export {
  type ConsistencyMeter,
  createConsistencyMeter,
  type DelayStats,
  type MeteredCache,
  type MeterStats,
} from "./create-consistency-meter.ts";
export type { Anomaly, Look, MeterEvents, ObservedInvalidation } from "./meter-events.ts";
export type { ConsistencyMeterOptions } from "./meter-options.ts";
export { structurallyEqual } from "./structurally-equal.ts";

import type { WireRule } from "../plan.ts";
import { Bucket } from "./bucket.ts";
import type { Counted } from "./counted.ts";
import { FixedWindow } from "./fixed-window.ts";
import { SlidingCounter } from "./sliding-counter.ts";
import { SlidingLog } from "./sliding-log.ts";

/** Nothing counted yet, by the algorithm of the rule. */
export function countedBy(rule: WireRule): Counted {
  switch (rule[1]) {
    case "f":
      return new FixedWindow(rule);
    case "b":
      return new Bucket(rule);
    case "c":
      return new SlidingCounter(rule);
    default:
      return new SlidingLog(rule);
  }
}

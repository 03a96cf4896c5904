import type { Scenario } from "../scenario.ts";
import { commands } from "./commands.ts";
import { fill } from "./fill.ts";
import { l1Hit } from "./l1-hit.ts";
import { l2Hit } from "./l2-hit.ts";
import { limits } from "./limits.ts";
import { lock } from "./lock.ts";
import { memory } from "./memory.ts";
import { stampede } from "./stampede.ts";
import { tags } from "./tags.ts";

/** In the order in which they run and are written down. */
export const SCENARIOS: readonly Scenario[] = [
  l1Hit,
  l2Hit,
  fill,
  memory,
  stampede,
  tags,
  limits,
  lock,
  commands,
];

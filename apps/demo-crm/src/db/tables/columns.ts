import { boolean, integer, timestamp } from "drizzle-orm/pg-core";

// `version` counts the writes of a row. A reader that knows the last committed version can tell, without trusting
// any clock, whether what it was served is stale; the load on the demo page checks every read this way.
export const written = {
  version: integer("version").notNull().default(1),
  updatedAt: timestamp("updated_at", { withTimezone: true, mode: "date" }).notNull().defaultNow(),
};

/** True for rows that no source names: they were made up, deterministically, from the imported ones. */
export const origin = { generated: boolean("generated").notNull().default(false) };

import { bigint, integer, json, pgTable, text, timestamp } from "drizzle-orm/pg-core";
import { users } from "./imported.ts";

/** How a user proves who they are. A table of its own, so that no query for a user can return it. */
export const credentials = pgTable("credentials", {
  userId: text("user_id")
    .primaryKey()
    .references(() => users.id, { onDelete: "cascade" }),
  /** Argon2id, in its own notation. */
  passwordHash: text("password_hash").notNull(),
});

/** The last number of a quote that was issued in a year, and the fence of the lock under which it was. */
export const quoteCounters = pgTable("quote_counters", {
  year: integer("year").primaryKey(),
  last: integer("last").notNull(),
  fence: bigint("fence", { mode: "number" }).notNull(),
});

/** A month whose figures are settled. Written once. */
export const closedMonths = pgTable("closed_months", {
  /** `2017-03`. */
  month: text("month").primaryKey(),
  won: integer("won").notNull(),
  lost: integer("lost").notNull(),
  /** Dollars. */
  revenue: bigint("revenue", { mode: "number" }).notNull(),
  closedBy: text("closed_by").references(() => users.id, { onDelete: "set null" }),
  closedAt: timestamp("closed_at", { withTimezone: true, mode: "date" }).notNull().defaultNow(),
  /** Of the lock under which it was closed. */
  fence: bigint("fence", { mode: "number" }).notNull(),
});

/**
 * One row, whose version grows with every transaction that may have moved a figure: triggers see to it (migrations/0002_figures.sql), at its
 * end, so that it waits for nothing while others wait for it.
 */
export const figuresVersion = pgTable("figures_version", {
  version: bigint("version", { mode: "number" }).notNull(),
  /** Whoever wrote up to this version may have been told so. */
  acknowledged: bigint("acknowledged", { mode: "number" }).notNull(),
  movedAt: timestamp("moved_at", { withTimezone: true, mode: "date" }).notNull().defaultNow(),
});

/** Aggregates as they were counted last, for readers who have no cache: see `db/queries/figure-copies.ts`. */
export const figureCopies = pgTable("figure_copies", {
  figure: text("figure").primaryKey(),
  /** The version that stood when the count began. */
  version: bigint("version", { mode: "number" }).notNull(),
  rows: json("rows").notNull(),
});

/** One row: which generator made up the rows that no source names. */
export const generationRuns = pgTable("generation_runs", {
  generator: text("generator").primaryKey(),
  finishedAt: timestamp("finished_at", { withTimezone: true, mode: "date" }).notNull().defaultNow(),
});

export type ClosedMonth = typeof closedMonths.$inferSelect;

import { z } from "zod";
import { COMPANY_SORTS } from "../db/queries/company-sorts.ts";
import {
  DEAL_STAGES,
  LEAD_SOURCES,
  LEAD_STATUSES,
  PROJECT_STATUSES,
  QUOTE_STATUSES,
  TASK_STATUSES,
} from "../db/schema.ts";

// What clients may send. Ids become parts of cache keys and tags, so nothing passes here that means something there:
// no `:`, no glob characters, no control characters, bounded length.

export const slugId = z
  .string()
  .max(64)
  .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, "Expected lower-case letters, digits and single hyphens");

/** Of rows that this app has made: the id of another one with a suffix, or a UUID. */
export const rowId = z
  .string()
  .max(100)
  .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, "Expected lower-case letters, digits and single hyphens");

export const dealId = z.string().regex(/^[A-Z0-9]{1,32}$/, "Expected upper-case letters and digits");

const text = (max: number) =>
  z
    .string()
    .trim()
    .min(1, "Must not be empty")
    .max(max, `At most ${max} characters`)
    .refine(
      (value) => value.isWellFormed() && !/\p{Cc}/u.test(value),
      "Contains characters that are not text",
    );

const sector = z
  .string()
  .max(40)
  .regex(/^[a-z]+([ -][a-z]+)*$/, "Expected lower-case words");

/** A day that Postgres, JSON and people agree on. */
const day = z.iso
  .date()
  .refine((value) => value >= "1900-01-01" && value <= "2999-12-31", "Expected a day from 1900 to 2999");

const stage = z.enum(DEAL_STAGES);
const wholeNumber = (max: number) => z.number().int().min(0).max(max);
const fromQuery = (min: number, max: number, fallback: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, "Expected a whole number")
    .transform(Number)
    .pipe(z.number().min(min).max(max))
    .default(fallback);
/** A filter that was left empty in a form is no filter. */
const optional = <S extends z.ZodType>(schema: S) =>
  z.preprocess((value) => (value === "" ? undefined : value), schema.optional());

export const pageQuery = z.object({ page: fromQuery(1, 10_000, 1), limit: fromQuery(1, 100, 20) });
export const deleteCompanyQuery = z.object({ deals: z.enum(["keep", "detach"]).default("keep") });
/** `bypass`: the query itself, past the cache, which neither answers nor is filled. */
export const analyticsQuery = z.object({ cache: z.enum(["use", "bypass"]).default("use") });
export const compareQuery = z.object({ pairs: fromQuery(5, 500, 100) });
export const historyQuery = z.object({ limit: fromQuery(1, 100, 20) });
const keyText = z
  .string()
  .refine((value) => Buffer.byteLength(value) <= 1024, "At most 1,024 bytes")
  .refine(
    (value) => value.isWellFormed() && !/\p{Cc}/u.test(value),
    "Contains characters that no key may have",
  );
const key = keyText.min(1);
export const explainQuery = z.object({ key });
export const entryParams = z.object({ key });
export const entriesQuery = z.object({
  prefix: keyText.refine((value) => Buffer.byteLength(value) <= 500, "At most 500 bytes").default(""),
  /** `next` of the page before. */
  cursor: optional(key),
  limit: fromQuery(1, 100, 50),
});

/** No filter but page and limit. */
export const noFilter = z.object({});
export type NoFilter = typeof noFilter;

/** For a new row: what may be null may be left out. */
export function forNew<O extends z.ZodObject>(values: O): z.ZodType<z.output<O>> {
  const fields = Object.entries(values.shape).map(([name, field]) => [
    name,
    field instanceof z.ZodNullable ? field.default(null) : field,
  ]);
  return z.strictObject(Object.fromEntries(fields)) as unknown as z.ZodType<z.output<O>>;
}

/** For a row that exists: at least one field. */
export const forChange = <O extends z.ZodObject>(values: O) =>
  values.partial().refine((value) => Object.keys(value).length > 0, "Nothing to change");

export const company = z.strictObject({
  name: text(120),
  sector,
  yearEstablished: wholeNumber(9999).nullable(),
  revenueMillions: z.number().min(0).max(9_999_999_999).multipleOf(0.01).nullable(),
  employees: wholeNumber(100_000_000).nullable(),
  country: text(60).nullable(),
  parentCompanyId: slugId.nullable(),
});
export const companyFilter = z.object({
  sector: optional(sector),
  q: optional(text(80)),
  sort: optional(z.enum(COMPANY_SORTS)),
});

export const dealChange = z.strictObject({
  stage,
  engageDate: day.nullable(),
  closeDate: day.nullable(),
  closeValue: wholeNumber(2_000_000_000).nullable(),
  companyId: slugId.nullable(),
});
export const deal = dealChange.extend({ userId: slugId, productId: slugId });
export const dealFilter = z.object({
  stage: optional(stage),
  company: optional(slugId),
  user: optional(slugId),
});

export const user = z.strictObject({ name: text(80), manager: text(80), office: text(40) });

export const contact = z.strictObject({
  name: text(120),
  companyId: slugId.nullable(),
  title: text(80).nullable(),
  email: z.email().max(254).nullable(),
  phone: z
    .string()
    .max(40)
    .regex(/^\+?[0-9][0-9 ()/-]*$/, "Expected a telephone number")
    .nullable(),
});
export const contactFilter = z.object({ company: optional(slugId), q: optional(text(80)) });

export const lead = z.strictObject({
  name: text(120),
  contactId: rowId.nullable(),
  ownerId: slugId.nullable(),
  source: z.enum(LEAD_SOURCES),
  status: z.enum(LEAD_STATUSES),
  score: wholeNumber(100),
  receivedOn: day,
});
export const leadFilter = z.object({
  status: optional(z.enum(LEAD_STATUSES)),
  source: optional(z.enum(LEAD_SOURCES)),
  owner: optional(slugId),
  contact: optional(rowId),
  minScore: fromQuery(0, 100, 0),
});

export const project = z.strictObject({
  name: text(120),
  companyId: slugId.nullable(),
  dealId: dealId.nullable(),
  ownerId: slugId.nullable(),
  status: z.enum(PROJECT_STATUSES),
  startsOn: day,
  endsOn: day.nullable(),
});
export const projectFilter = z.object({
  company: optional(slugId),
  owner: optional(slugId),
  status: optional(z.enum(PROJECT_STATUSES)),
});

export const milestone = z.strictObject({
  projectId: rowId,
  name: text(120),
  dueOn: day,
  reachedOn: day.nullable(),
});
export const milestoneFilter = z.object({
  project: optional(rowId),
  reached: optional(z.enum(["yes", "no"])),
});

export const task = z.strictObject({
  projectId: rowId,
  title: text(200),
  assigneeId: slugId.nullable(),
  status: z.enum(TASK_STATUSES),
  dueOn: day.nullable(),
});
export const taskFilter = z.object({
  project: optional(rowId),
  assignee: optional(slugId),
  status: optional(z.enum(TASK_STATUSES)),
});

export const quote = z.strictObject({
  dealId,
  companyId: slugId.nullable(),
  status: z.enum(QUOTE_STATUSES),
  amount: wholeNumber(2_000_000_000),
  validUntil: day.nullable(),
});
export const quoteFilter = z.object({
  deal: optional(dealId),
  company: optional(slugId),
  status: optional(z.enum(QUOTE_STATUSES)),
});

export const month = z.string().regex(/^(19|2\d)\d\d-(0[1-9]|1[0-2])$/, "Expected a month such as 2017-03");
export const credentials = z.strictObject({ user: slugId, password: z.string().min(1).max(200) });

const delay = z.int().min(0).max(5_000);
export const sicknessChange = z
  .strictObject({
    redis: z.enum(["none", "slow", "cut", "dead"]).optional(),
    redisDelayMs: delay.optional(),
    originDelayMs: delay.optional(),
  })
  .refine((value) => Object.keys(value).length > 0, "Nothing to change");

export const loadSwitch = z.strictObject({ running: z.boolean() });

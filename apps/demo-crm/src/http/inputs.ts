import { z } from "zod";
import { DEAL_STAGES } from "../db/schema.ts";

// What clients may send. Ids become parts of cache keys and tags, so nothing passes here that means something there:
// no `:`, no glob characters, no control characters, bounded length.

export const slugId = z
  .string()
  .max(64)
  .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, "Expected lower-case letters, digits and single hyphens");

export const dealId = z.string().regex(/^[A-Z0-9]{1,32}$/, "Expected upper-case letters and digits");

const text = (max: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(max)
    .refine(
      (value) => value.isWellFormed() && !/\p{Cc}/u.test(value),
      "Contains characters that are not text",
    );

const sector = z
  .string()
  .max(40)
  .regex(/^[a-z]+([ -][a-z]+)*$/, "Expected lower-case words");

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
export const companiesQuery = pageQuery.extend({ sector: optional(sector), q: optional(text(80)) });
export const dealsQuery = pageQuery.extend({
  stage: optional(stage),
  company: optional(slugId),
  user: optional(slugId),
});
export const deleteCompanyQuery = z.object({ deals: z.enum(["keep", "detach"]).default("keep") });
export const compareQuery = z.object({ pairs: fromQuery(5, 500, 100) });
export const explainQuery = z.object({
  key: z
    .string()
    .min(1)
    .refine((value) => Buffer.byteLength(value) <= 1024, "At most 1,024 bytes")
    .refine(
      (value) => value.isWellFormed() && !/\p{Cc}/u.test(value),
      "Contains characters that no key may have",
    ),
});

const company = z.strictObject({
  name: text(120),
  sector,
  yearEstablished: wholeNumber(9999).nullable(),
  revenueMillions: z.number().min(0).max(9_999_999_999).multipleOf(0.01).nullable(),
  employees: wholeNumber(100_000_000).nullable(),
  country: text(60).nullable(),
  parentCompanyId: slugId.nullable(),
});
const missing = {
  yearEstablished: true,
  revenueMillions: true,
  employees: true,
  country: true,
  parentCompanyId: true,
} as const;

export const newCompany = company.partial(missing).transform((value) => ({
  ...value,
  yearEstablished: value.yearEstablished ?? null,
  revenueMillions: value.revenueMillions ?? null,
  employees: value.employees ?? null,
  country: value.country ?? null,
  parentCompanyId: value.parentCompanyId ?? null,
}));

const notEmpty = (value: object) => Object.keys(value).length > 0;
export const companyChange = company.partial().refine(notEmpty, "Nothing to change");

export const dealChange = z
  .strictObject({
    stage,
    engageDate: z.iso.date().nullable(),
    closeDate: z.iso.date().nullable(),
    closeValue: wholeNumber(2_000_000_000).nullable(),
    companyId: slugId.nullable(),
  })
  .partial()
  .refine(notEmpty, "Nothing to change");

export const userChange = z
  .strictObject({ manager: text(80), office: text(40) })
  .partial()
  .refine(notEmpty, "Nothing to change");

export const loadSwitch = z.strictObject({ running: z.boolean() });

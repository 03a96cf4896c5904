import type { EntityRules } from "@crm/cache-core";
import { crmRules } from "./crm-rules.ts";
import { defineRules } from "./define-rules.ts";
import { preciseCrmRules } from "./precise-crm-rules.ts";

const rules = defineRules({
  invoices: {
    patterns: ["invoices:*"],
    relatedEntities: ["customers", { entity: "customers", idFrom: "customerId" }],
  },
  customers: { patterns: ["customers:*"] },
});

/** Entities are known by name. */
export const names: readonly (keyof typeof rules)[] = ["invoices", "customers"];
// @ts-expect-error there is no such entity
export const wrong: keyof typeof rules = "invoice";

// @ts-expect-error a related entity without a rule does not compile
defineRules({ invoices: { patterns: [], relatedEntities: ["customer"] }, customers: { patterns: [] } });
// @ts-expect-error nor does a rule without patterns
defineRules({ invoices: {} });

/** Every set is what the invalidator takes. */
export const all: readonly EntityRules[] = [rules, crmRules, preciseCrmRules];

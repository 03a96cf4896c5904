import type { EntityRules } from "@crm/cache-core";
import { crmRules } from "./crm-rules.ts";
import { defineRules } from "./define-rules.ts";
import { preciseCrmRules } from "./precise-crm-rules.ts";

export function check(): readonly EntityRules[] {
  const rules = defineRules({
    invoices: {
      patterns: ["invoices:*"],
      relatedEntities: ["customers", { entity: "customers", idFrom: "customerId" }],
    },
    customers: { patterns: ["customers:*"] },
  });

  // Entities are known by name.
  const names: readonly (keyof typeof rules)[] = ["invoices", "customers"];
  // @ts-expect-error there is no such entity
  const wrong: keyof typeof rules = "invoice";
  void [names, wrong];

  // @ts-expect-error a related entity without a rule does not compile
  defineRules({ invoices: { patterns: [], relatedEntities: ["customer"] }, customers: { patterns: [] } });
  // @ts-expect-error nor does a rule without patterns
  defineRules({ invoices: {} });

  // Every set is what the invalidator takes.
  return [rules, crmRules, preciseCrmRules];
}

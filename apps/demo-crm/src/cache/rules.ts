import type { EntityRules } from "@crm/cache-core";
import { type CrmEntity, crmRules } from "@crm/cache-rules";

/**
 * The predefined rules of the CRM as they are, and three entities of this app: the figures of a company's and of a user's
 * deals, which go with the deals that they were counted from and with no others, and the closed months.
 */
export const rules: EntityRules<CrmEntity | "company-figures" | "user-figures" | "months"> = {
  ...crmRules,
  deals: {
    ...crmRules.deals,
    relatedEntities: [
      ...(crmRules.deals.relatedEntities ?? []),
      { entity: "company-figures", idFrom: ["companyId", "companyIds"] },
      { entity: "user-figures", idFrom: ["userId", "userIds"] },
    ],
  },
  "company-figures": { patterns: ["companies:{id}:deals-summary"], scoped: true },
  "user-figures": { patterns: ["users:{id}:deals-summary"], scoped: true },
  months: { patterns: ["months:*"] },
};

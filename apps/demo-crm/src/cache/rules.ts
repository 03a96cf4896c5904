import type { EntityRules } from "@crm/cache-core";
import { type CrmEntity, crmRules } from "@crm/cache-rules";

/**
 * The predefined rules of the CRM as they are, and what this app has besides: the figures of a company's and of a user's
 * deals, which go with the deals that they were counted from and with no others; what is counted from all deals, and from the
 * sectors of all companies, which stays when a write changes no column that counts (services/figures.ts); and the closed months.
 */
export const rules: EntityRules<
  CrmEntity | "company-figures" | "user-figures" | "deal-figures" | "sectors" | "months"
> = {
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
  "deal-figures": { patterns: ["analytics:*"], soft: true, dependencies: "off" },
  sectors: { patterns: ["analytics:revenue-by-sector", "companies:sectors", "companies:industries"] },
  months: { patterns: ["months:*"] },
};

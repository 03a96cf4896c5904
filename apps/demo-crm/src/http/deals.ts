import { dealsService } from "../services/deals-service.ts";
import { entityRoutes } from "./entity-routes.ts";
import { deal, dealChange, dealFilter, dealId } from "./inputs.ts";
import type { Router } from "./router.ts";

export function dealsRoutes(): Router {
  return entityRoutes({
    name: "deals",
    id: dealId,
    values: deal,
    changes: dealChange,
    filter: dealFilter,
    service: {
      get: (id) => dealsService.getDealById(id),
      list: (request, filter) => dealsService.listDeals(request, filter),
      create: (values) => dealsService.createDeal(values),
      update: (id, change) => dealsService.updateDeal(id, change),
      delete: (id) => dealsService.deleteDeal(id),
    },
  });
}

import { usersService } from "../services/users-service.ts";
import { entityRoutes } from "./entity-routes.ts";
import { noFilter, slugId, user } from "./inputs.ts";
import type { Router } from "./router.ts";

export function usersRoutes(): Router {
  return entityRoutes({
    name: "users",
    id: slugId,
    values: user,
    filter: noFilter,
    service: {
      async get(id) {
        const found = await usersService.getUserById(id);
        if (!found.success) return found;
        const performance = await usersService.getPerformance(id);
        return performance.success
          ? { ...found, data: { ...found.data, performance: performance.data } }
          : performance;
      },
      list: (request) => usersService.listUsers(request),
      create: (values) => usersService.createUser(values),
      update: (id, change) => usersService.updateUser(id, change),
      delete: (id) => usersService.deleteUser(id),
    },
  });
}

import { Hono } from "hono";
import { usersService } from "../services/users-service.ts";
import { respond } from "./errors.ts";
import { pageQuery, slugId, userChange } from "./inputs.ts";
import { bodyOf, paramOf, queryOf } from "./validate.ts";

export const usersRoutes = new Hono()
  .get("/", async (c) => respond(c, await usersService.listUsers(queryOf(c, pageQuery))))
  .get("/:id", async (c) => {
    const id = paramOf(c, slugId);
    const user = await usersService.getUserById(id);
    if (!user.success) return respond(c, user);
    const performance = await usersService.getPerformance(id);
    return respond(
      c,
      performance.success ? { ...user, data: { ...user.data, performance: performance.data } } : performance,
    );
  })
  .patch("/:id", async (c) =>
    respond(c, await usersService.updateUser(paramOf(c, slugId), await bodyOf(c, userChange))),
  );

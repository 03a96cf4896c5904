import type { SicknessSwitch } from "../dev/sickness.ts";
import { sicknessChange } from "./inputs.ts";
import { ProblemError } from "./problem.ts";
import { createRouter, type Router, serve } from "./router.ts";

/** `GET` and `POST /api/dev/sickness`: only in development, where nobody but the developer can be hurt. */
export function sicknessRoutes(sickness: SicknessSwitch): Router {
  const router = createRouter();
  const tag = "development";
  serve(router, { method: "get", path: "/sickness", tag, summary: "What is made to look sick" }, (c) =>
    c.json({ data: sickness.state() }),
  );
  serve(
    router,
    {
      ...{
        method: "post",
        path: "/sickness",
        tag,
        summary: "Makes Redis or the database look sick, or well",
      },
      body: sicknessChange,
      signedIn: false,
    },
    (c, { body }) => {
      if (body.redis !== undefined && sickness.state().redis === null)
        throw new ProblemError({
          status: 409,
          title: "Conflict",
          code: "NO_REDIS",
          detail: "There is no Redis without TLS that could be made sick: start with REDIS_URL",
        });
      return c.json({ data: sickness.apply(body) });
    },
  );
  return router;
}

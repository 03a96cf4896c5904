import { z } from "zod";
import { monthsService } from "../services/months-service.ts";
import { issueQuoteNumber } from "../services/quote-numbers.ts";
import { respond } from "./errors.ts";
import { month, rowId } from "./inputs.ts";
import { createRouter, type Router, serve } from "./router.ts";

/** Work that must happen once, under a lock. */
export function operationRoutes(): Router {
  const router = createRouter();
  serve(
    router,
    {
      ...{ method: "post", path: "/quotes/{id}/issue", tag: "quotes", signedIn: true },
      summary: "Gives a draft the next number of the year",
      params: z.object({ id: rowId }),
    },
    async (c, { params }) => respond(c, await issueQuoteNumber(params.id)),
  );
  serve(
    router,
    { method: "get", path: "/months", tag: "months", summary: "The closed months, newest first" },
    async (c) => respond(c, await monthsService.listClosed()),
  );
  serve(
    router,
    {
      ...{ method: "post", path: "/months/{month}/close", tag: "months", signedIn: true },
      summary: "Settles the figures of a month, once",
      params: z.object({ month }),
    },
    async (c, { params }) => respond(c, await monthsService.close(params.month, c.var.user!.userId)),
  );
  return router;
}

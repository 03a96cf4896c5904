import { StoreUnavailableError } from "@crm/cache-core";
import { Hono } from "hono";
import { afterEach, describe, expect, it, vi } from "vitest";
import { signInService } from "../services/sign-in-service.ts";
import { createLimits } from "./limits.ts";
import type { AppEnv } from "./router.ts";
import { findSession, sessionRoutes } from "./sessions.ts";

const away = () => new StoreUnavailableError({ operation: "listSessions", reason: "timeout" });
const signedIn = { sessionId: "s", userId: "darcel-schlecht" };
const headers = { cookie: "crm-session=s" };

afterEach(() => vi.restoreAllMocks());

/** Says who somebody is; a store that is away is a 503. */
function appOf() {
  const app = new Hono<AppEnv>();
  app.use(findSession({ secure: false }));
  app.route("/api/session", sessionRoutes(createLimits(), { secure: false }));
  app.all("/", (c) => c.text(c.var.user?.userId ?? "nobody"));
  app.onError((_, c) => c.text("away", 503));
  return app;
}

describe("a session that could not be read", () => {
  it("is asked for once more before a write is refused", async () => {
    const find = vi
      .spyOn(signInService, "find")
      .mockRejectedValueOnce(away())
      .mockResolvedValueOnce(signedIn);
    const answer = await appOf().request("/", { method: "PATCH", headers });
    expect([answer.status, await answer.text()]).toEqual([200, "darcel-schlecht"]);
    expect(find).toHaveBeenCalledTimes(2);
  });

  it("is not asked for a third time", async () => {
    const find = vi.spyOn(signInService, "find").mockRejectedValue(away());
    expect((await appOf().request("/", { method: "PATCH", headers })).status).toBe(503);
    expect(find).toHaveBeenCalledTimes(2);
  });

  it("holds up no read", async () => {
    const find = vi.spyOn(signInService, "find").mockRejectedValue(away());
    expect(await (await appOf().request("/", { headers })).text()).toBe("nobody");
    expect(find).toHaveBeenCalledTimes(1);
  });

  it("is nobody's answer to the question who has signed in: it is asked for once more, and then that is not known", async () => {
    const find = vi
      .spyOn(signInService, "find")
      .mockRejectedValueOnce(away())
      .mockResolvedValueOnce(signedIn)
      .mockRejectedValue(away());
    const keep = vi.spyOn(signInService, "keep").mockResolvedValue();
    const answer = await appOf().request("/api/session", { headers });
    expect([answer.status, await answer.json()]).toEqual([200, { data: { user: "darcel-schlecht" } }]);
    expect(keep).toHaveBeenCalledTimes(1);
    expect((await appOf().request("/api/session", { headers })).status).toBe(503);
    expect(find).toHaveBeenCalledTimes(4);
  });

  it("and one that could not be kept for longer is still somebody's", async () => {
    vi.spyOn(signInService, "find").mockResolvedValue(signedIn);
    vi.spyOn(signInService, "keep").mockRejectedValue(away());
    const answer = await appOf().request("/api/session", { headers });
    expect([answer.status, await answer.json()]).toEqual([200, { data: { user: "darcel-schlecht" } }]);
  });
});

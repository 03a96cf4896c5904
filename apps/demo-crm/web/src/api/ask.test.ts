import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { firstDrawn } from "../first-draw.ts";
import { ApiError, ask } from "./ask.ts";

beforeAll(() => firstDrawn());
afterEach(() => vi.unstubAllGlobals());

async function refusalOf(response: Response, method?: "POST"): Promise<ApiError> {
  vi.stubGlobal("fetch", async () => response);
  const error = await ask("/api/companies", method ? { method } : {}).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ApiError);
  return error as ApiError;
}

describe("an answer that is none", () => {
  it.each([
    ["a page of the network", "<!doctype html><p>Sign in to this network"],
    ["nothing", ""],
    ["null", "null"],
    ["JSON of somebody else", '{"status":"ok"}'],
  ])("%s with a 200 is an error, and may be asked again", async (_, body) => {
    const error = await refusalOf(new Response(body));
    expect([error.status, error.code]).toEqual([0, "NO_ANSWER"]);
    expect(error.detail).toContain("asks again by itself");
  });

  it("one that is cut off is an error", async () => {
    const cut = new ReadableStream({
      pull: (controller) => controller.error(new TypeError("network error")),
    });
    expect((await refusalOf(new Response(cut))).code).toBe("NO_ANSWER");
  });

  it("of a write, nobody knows whether it was saved", async () => {
    const { detail } = await refusalOf(new Response("<p>"), "POST");
    expect(detail).toBe("Whether it was saved is not known: look before you do it again.");
  });

  it("a refusal without a problem says its status", async () => {
    expect((await refusalOf(new Response("null", { status: 502 }))).message).toBe("The server answered 502");
  });
});

it("says one second, and two seconds", async () => {
  const detailAfter = async (seconds: number) =>
    (await refusalOf(new Response("{}", { status: 429, headers: { "retry-after": String(seconds) } })))
      .detail;
  expect(await detailAfter(1)).toContain("in 1 second.");
  expect(await detailAfter(2)).toContain("in 2 seconds.");
});

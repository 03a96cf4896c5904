import type { Query } from "@tanstack/react-query";
import { expect, it } from "vitest";
import { ApiError } from "./ask.ts";
import { makeQueryClient } from "./query-client.ts";

const { queries, mutations } = makeQueryClient().getDefaultOptions();

/** After how long a query in this state is asked again by itself; ms. */
function againAfter(state: { data: unknown; error: Error | null }) {
  const { refetchInterval } = queries ?? {};
  if (typeof refetchInterval !== "function") throw new Error("is decided by the state of the query");
  return refetchInterval({ state } as Query);
}
const refused = (status: number, retryAfter?: number) => new ApiError({ title: "No", status }, retryAfter);

it.each([
  ["there is an answer", { data: "it", error: null }, false],
  ["it may be old, after a failure", { data: "it", error: refused(500) }, 3_000],
  ["it may be old, and there was no answer", { data: "it", error: refused(0) }, 3_000],
  ["it may be old, and the server says when", { data: "it", error: refused(429, 7) }, 7_000],
  ["it is gone", { data: "it", error: refused(404) }, false],
  ["nothing is shown, and somebody can try again", { data: undefined, error: refused(500) }, false],
])("where %s", (_, state, expected) => {
  expect(againAfter(state)).toBe(expected);
});

it("where the browser finds no network, the server of this machine is asked all the same", () => {
  expect([queries?.networkMode, mutations?.networkMode]).toEqual(["always", "always"]);
});

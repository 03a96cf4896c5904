import { QueryClient } from "@tanstack/react-query";
import { ApiError } from "./ask.ts";

const AGAIN_MS = 3_000;

/** What is shown is told when it changes (`changes.ts`); so nothing is asked again on a schedule, but for what could not be had then. */
export const makeQueryClient = () =>
  new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 30_000,
        // The demo may run on this machine, which answers also where the browser finds no network.
        networkMode: "always",
        retry: (failures, error) => isPassing(error) && failures < 3,
        retryDelay: (failures, error) =>
          error instanceof ApiError && error.retryAfter ? error.retryAfter * 1000 : 500 * 2 ** failures,
        // What is shown may be old, and nobody else says so again.
        refetchInterval: ({ state: { data, error } }) =>
          data !== undefined && error !== null && mayPass(error) ? againAfter(error) : false,
      },
      mutations: { retry: false, networkMode: "always" },
    },
  });

export const queryClient = makeQueryClient();

/** Worth asking again soon. Somebody who is told to wait for minutes is told so, and not kept waiting. */
function isPassing(error: Error): boolean {
  if (!(error instanceof ApiError)) return false;
  if (error.code === "NO_ANSWER") return true;
  return error.status === 503 && (error.retryAfter ?? 0) < 10;
}

/** What is refused for what was asked is refused again; anything else may pass. */
export const mayPass = (error: Error): boolean =>
  !(error instanceof ApiError) || error.status === 0 || error.status === 429 || error.status >= 500;

const againAfter = (error: Error): number =>
  error instanceof ApiError && error.retryAfter ? Math.max(error.retryAfter * 1000, AGAIN_MS) : AGAIN_MS;

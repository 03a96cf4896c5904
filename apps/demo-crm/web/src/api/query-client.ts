import { QueryClient } from "@tanstack/react-query";
import { ApiError } from "./ask.ts";

/** What is shown is told when it changes (`changes.ts`); so nothing is asked again on a schedule. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 30_000,
      retry: (failures, error) => isPassing(error) && failures < 3,
      retryDelay: (failures, error) =>
        error instanceof ApiError && error.retryAfter ? error.retryAfter * 1000 : 500 * 2 ** failures,
    },
    mutations: { retry: false },
  },
});

/** Worth asking again soon. Somebody who is told to wait for minutes is told so, and not kept waiting. */
function isPassing(error: Error): boolean {
  if (!(error instanceof ApiError)) return false;
  if (error.code === "NO_ANSWER") return true;
  return error.status === 503 && (error.retryAfter ?? 0) < 10;
}

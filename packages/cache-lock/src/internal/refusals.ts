import { StoreUnavailableError } from "@crm/cache-core";

/** The store knew that its server was silent, and sent nothing. */
export function isRefused(error: unknown): boolean {
  return StoreUnavailableError.isInstance(error) && error.reason === "breaker";
}

/** Its owner has closed it: it will not answer again. */
export function isClosed(error: unknown): boolean {
  return StoreUnavailableError.isInstance(error) && error.reason === "closed";
}

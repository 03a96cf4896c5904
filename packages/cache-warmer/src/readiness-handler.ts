import type { IncomingMessage, ServerResponse } from "node:http";
import { InvalidOptionError } from "@crm/cache-core";
import type { CacheWarmer } from "./cache-warmer.ts";

/**
 * A handler for a readiness probe: 200 when traffic may come, else 503, with what `readiness()` says as JSON. Give liveness a handler
 * of its own: a process that warms is alive.
 *
 * @throws InvalidOptionError
 */
export function readinessHandler(
  warmer: Pick<CacheWarmer, "readiness">,
): (request: IncomingMessage, response: ServerResponse) => void {
  if (typeof warmer?.readiness !== "function") {
    const expected = "a warmer made by `createCacheWarmer`";
    throw new InvalidOptionError({ option: "warmer", received: warmer, expected });
  }
  return (_request, response) => {
    const readiness = warmer.readiness();
    response.writeHead(readiness.ready ? 200 : 503, {
      "content-type": "application/json",
      "cache-control": "no-store",
    });
    response.end(JSON.stringify(readiness));
  };
}

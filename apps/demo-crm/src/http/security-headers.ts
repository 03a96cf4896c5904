import type { MiddlewareHandler } from "hono";
import { secureHeaders } from "hono/secure-headers";
import { inlineHashes } from "./page.ts";

const headers = ({ inlineStyles }: { inlineStyles: boolean }) =>
  secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'", ...(inlineStyles ? [] : inlineHashes("script"))],
      // The page that shows the API sets styles of elements; it has no other need of its own.
      styleSrc: inlineStyles ? ["'self'", "'unsafe-inline'"] : ["'self'", ...inlineHashes("style")],
      imgSrc: inlineStyles ? ["'self'", "data:"] : ["'self'"],
      connectSrc: ["'self'"],
      fontSrc: ["'self'"],
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: ["'none'"],
    },
    // As `frame-ancestors`, for browsers that do not know it.
    xFrameOptions: "DENY",
    // The demo is plain HTTP on this machine; a browser that remembers HTTPS for it could not open it again.
    strictTransportSecurity: false,
  });

/** The headers of every answer; the page that shows the API has a policy of its own. */
export function securityHeaders(): MiddlewareHandler {
  const forPages = headers({ inlineStyles: false });
  const forDocs = headers({ inlineStyles: true });
  return (c, next) => (/^\/docs(\/|$)/.test(c.req.path) ? forDocs : forPages)(c, next);
}

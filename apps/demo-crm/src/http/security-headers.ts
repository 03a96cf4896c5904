import type { MiddlewareHandler } from "hono";
import { secureHeaders } from "hono/secure-headers";

const headers = ({ inlineStyles }: { inlineStyles: boolean }) =>
  secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      // The page that shows the API sets styles of elements; it has no other need of its own.
      styleSrc: inlineStyles ? ["'self'", "'unsafe-inline'"] : ["'self'"],
      imgSrc: inlineStyles ? ["'self'", "data:"] : ["'self'"],
      connectSrc: ["'self'"],
      fontSrc: ["'self'"],
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: ["'none'"],
    },
    // The demo is plain HTTP on this machine; a browser that remembers HTTPS for it could not open it again.
    strictTransportSecurity: false,
  });

const forPages = headers({ inlineStyles: false });
const forDocs = headers({ inlineStyles: true });

/** The headers of every answer; the page that shows the API has a policy of its own. */
export const securityHeaders: MiddlewareHandler = (c, next) =>
  (/^\/docs(\/|$)/.test(c.req.path) ? forDocs : forPages)(c, next);

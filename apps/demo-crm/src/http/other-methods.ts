import type { Context } from "hono";
import { problemResponse } from "./problem.ts";
import type { Router } from "./router.ts";

/** What the document of an API has at a path, for who asks with another method; `undefined` where it has nothing. */
export function answerOtherMethods(api: Router): (c: Context) => Response | undefined {
  let known: readonly { readonly pattern: RegExp; readonly allow: string }[] | undefined;
  return (c) => {
    known ??= readDocument(api);
    const allow = known.find(({ pattern }) => pattern.test(c.req.path))?.allow;
    if (allow === undefined) return undefined;
    c.header("allow", allow);
    if (c.req.method === "OPTIONS") return c.body(null, 204);
    return problemResponse(c, {
      status: 405,
      title: "Method not allowed",
      code: "METHOD_NOT_ALLOWED",
      detail: `There is ${allow}`,
    });
  };
}

function readDocument(api: Router) {
  const { paths = {} } = api.getOpenAPI31Document({ openapi: "3.1.0", info: { title: "", version: "" } });
  return Object.entries(paths).map(([path, operations]) => {
    const methods = Object.keys(operations as object).map((method) => method.toUpperCase());
    const all = [...methods, ...(methods.includes("GET") ? ["HEAD"] : []), "OPTIONS"];
    return {
      pattern: new RegExp(`^${path.replace(/\{[^}]+\}/g, "[^/]+")}$`),
      allow: all.sort().join(", "),
    };
  });
}

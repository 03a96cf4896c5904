import { SpanStatusCode, type Tracer } from "@opentelemetry/api";
import type { Cache } from "../cache.ts";
import { NAMESPACE, TEMPLATE } from "./names.ts";
import type { TemplateTable } from "./template-table.ts";

/**
 * Makes a span of every fetch when it has ended, in the context of the reader that started it. What the fetcher does is
 * traced beside it, not inside it: the span is made too late to be a parent.
 */
export function traceFetches(cache: Cache, tracer: Tracer, table: TemplateTable): () => void {
  const { clock } = cache.internals;
  const trace = (key: string, background: boolean, durationMs: number, error: unknown) => {
    const { template } = table.of(key);
    const endTime = clock.wall();
    const span = tracer.startSpan(`cache fetch ${template}`, {
      startTime: endTime - durationMs,
      attributes: {
        [NAMESPACE]: cache.namespace,
        [TEMPLATE]: template,
        "crm.cache.fetch.background": background,
        ...(error === undefined ? {} : { "error.type": typeOf(error) }),
      },
    });
    // The message may name a row or a host: the fetcher's own instrumentation decides what of it is told.
    if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end(endTime);
  };
  const ends = [
    cache.on("fetch:end", ({ key, background, durationMs }) => trace(key, background, durationMs, undefined)),
    cache.on("fetch:error", ({ key, background, durationMs, error }) =>
      trace(key, background, durationMs, error ?? "_OTHER"),
    ),
  ];
  return () => {
    for (const end of ends) end();
  };
}

/** As the conventions ask: a class or a code, never a message. */
function typeOf(error: unknown): string {
  return error instanceof Error ? error.constructor.name.slice(0, 80) : "_OTHER";
}

import { instrumentCache, keyTemplates } from "@crm/cache-core/otel";
import { PrometheusExporter, PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import type { ApiLimits } from "../http/limits.ts";
import { cache, locks } from "./index.ts";

export interface Metrics {
  /** What there is to tell now, in the text format of Prometheus. */
  text(): Promise<string>;
  close(): Promise<void>;
}

// The ids of this app are words (`companies:konex`), which by their segments alone nobody could tell from names.
const TEMPLATES = [
  "companies:sectors",
  "companies:industries",
  ...["companies", "contacts", "deals", "leads", "milestones", "projects", "quotes", "tasks", "users"].map(
    (entity) => `${entity}:{id}`,
  ),
  "companies:{id}:deals-summary",
  "users:{id}:deals-summary",
  "{entity}:list:*",
  "analytics:{figure}",
  "months:closed",
];

/** The figures of the cache, its locks and limits through OpenTelemetry, for `/metrics` of the app's own server. */
export function createMetrics(limits: ApiLimits): Metrics {
  const exporter = new PrometheusExporter({ preventServerStart: true });
  const provider = new MeterProvider({ readers: [exporter] });
  const serializer = new PrometheusSerializer();
  const instrumentation = instrumentCache(cache, {
    meter: provider.getMeter("demo-crm"),
    template: keyTemplates(TEMPLATES),
    locks,
    limiters: limits.all,
  });
  return {
    async text() {
      const { resourceMetrics, errors } = await exporter.collect();
      if (errors.length > 0) throw new AggregateError(errors, "Some metrics could not be collected");
      return serializer.serialize(resourceMetrics);
    },
    async close() {
      instrumentation.stop();
      await provider.shutdown();
    },
  };
}

export {
  type Instrumentation,
  type InstrumentCacheOptions,
  instrumentCache,
  type LimitFigures,
  type LockEventSource,
} from "./instrument-cache.ts";
export { keyTemplates, templateFromSegments } from "./key-templates.ts";

export {
  describeRateLimiter,
  type RateLimiterContractRunner,
  type RateLimiterContractStore,
} from "./describe-rate-limiter.ts";
export { createReferenceModel, type ReferenceModel, type ReferenceRule } from "./reference-model.ts";

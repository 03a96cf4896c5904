export { CacheError, type CacheErrorParameters } from "./errors/cache-error.ts";
export {
  FetchCycleError,
  FetchTimeoutError,
  InvalidFetcherError,
  type InvalidFetcherErrorParameters,
} from "./errors/fetch-errors.ts";
export {
  InvalidConfigurationError,
  type InvalidConfigurationErrorParameters,
} from "./errors/invalid-configuration-error.ts";
export {
  InvalidDurationError,
  type InvalidDurationErrorParameters,
} from "./errors/invalid-duration-error.ts";
export { InvalidOptionError, type InvalidOptionErrorParameters } from "./errors/invalid-option-error.ts";
export { InvalidSessionError, type InvalidSessionErrorParameters } from "./errors/invalid-session-error.ts";
export {
  InvalidChannelError,
  InvalidKeyError,
  InvalidPatternError,
  InvalidScopeError,
  InvalidTagError,
  type InvalidTextErrorParameters,
} from "./errors/invalid-text-errors.ts";
export {
  InvalidationPendingError,
  type InvalidationPendingErrorParameters,
} from "./errors/invalidation-pending-error.ts";
export {
  StoreReplyError,
  type StoreReplyErrorParameters,
  StoreUnavailableError,
  type StoreUnavailableErrorParameters,
  type StoreUnavailableReason,
} from "./errors/store-errors.ts";
export { CacheClosedError, ExtendConflictError } from "./errors/usage-errors.ts";
export {
  UndefinedValueError,
  type UnserializableKind,
  UnserializableValueError,
  type UnserializableValueErrorParameters,
} from "./errors/value-errors.ts";

export type { AtomicArgument, AtomicOperation, AtomicReply } from "./atomic-operation.ts";
export type {
  Cache,
  CacheEntry,
  CacheInternals,
  CacheStats,
  CoveredEntry,
  Explanation,
  MemoryTierStats,
  SetEntry,
  TogetherRequest,
} from "./cache.ts";
export { checkKey } from "./check-key.ts";
export { checkOptionNames, type OptionNames } from "./check-options.ts";
export type { Clock } from "./clock.ts";
export { systemClock } from "./clock.ts";
export type { Codec, EncodedValue } from "./codec.ts";
export { createCache } from "./create-cache.ts";
export { type Dependency, dependencyTag, type KnownDependency, track } from "./dependencies.ts";
export type { Duration, DurationText } from "./duration.ts";
export { parseDuration } from "./duration.ts";
export type {
  EntityChange,
  EntityEvent,
  EntityRelation,
  EntityRule,
  EntityRules,
  RelatedIds,
} from "./entity-rules.ts";
export {
  CacheClosedError,
  CacheError,
  ExtendConflictError,
  FetchCycleError,
  FetchTimeoutError,
  InvalidationPendingError,
  InvalidChannelError,
  InvalidConfigurationError,
  InvalidDurationError,
  InvalidFetcherError,
  InvalidKeyError,
  InvalidOptionError,
  InvalidPatternError,
  InvalidScopeError,
  InvalidSessionError,
  InvalidTagError,
  StoreReplyError,
  StoreUnavailableError,
  type StoreUnavailableReason,
  UndefinedValueError,
  UnserializableValueError,
} from "./errors.ts";
export type { CacheEvents, InvalidationEventPayload } from "./events.ts";
export type { BatchFetcher, FetchContext, Fetcher } from "./fetcher.ts";
export { compileGlob, escapeGlob, type Glob } from "./glob.ts";
export { globCovers } from "./glob-covers.ts";
export { holdProcess } from "./hold-process.ts";
export { jsonCodec } from "./json-codec.ts";
export type { KeySpace } from "./key-space.ts";
export type { Lease } from "./lease.ts";
export type { Logger } from "./logger.ts";
export { silentLogger } from "./logger.ts";
export type { MemoryDatabase, StreamEntry } from "./memory-database.ts";
export { type MemoryStoreOptions, memoryStore } from "./memory-store.ts";
export type {
  CacheOptions,
  CompressionOptions,
  EntryDefaults,
  GetOptions,
  GetOrSetOptions,
  InvalidateOptions,
  MemoryTierOptions,
  SetOptions,
  SubscribeOptions,
} from "./options.ts";
export type { ReadObserver } from "./read-observer.ts";
export type { ReadCounting, ReadOutcome, ReadSink } from "./read-sink.ts";
export type {
  EntryTimes,
  RefillManyRequest,
  RefillOutcome,
  RefillRequest,
  RefillResult,
} from "./refill.ts";
export { type Session, type SessionActions, type Sessions, sessionActions } from "./session-actions.ts";
export type {
  Durability,
  DurableReply,
  Follower,
  FollowHandlers,
  FollowOptions,
  RunOptions,
  Store,
  StoreInfo,
  StoreWarning,
  StreamMessage,
} from "./store.ts";
export { type StoreFromEnvOptions, storeFromEnv } from "./store-from-env.ts";
export { type EventNames, TypedEmitter } from "./typed-emitter.ts";

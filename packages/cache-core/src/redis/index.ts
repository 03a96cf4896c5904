export type { RedisStoreOptions } from "./options.ts";
export type { RedisLike } from "./redis-like.ts";
export { redisStore } from "./redis-store.ts";

import type { Cluster, Redis } from "ioredis";
import type { RedisLike } from "./redis-like.ts";

/** Clients of ioredis fit as they are. */
export const single: (client: Redis) => RedisLike = (client) => client;
export const cluster: (client: Cluster) => RedisLike = (client) => client;

export {
  type CommandStats,
  commandStats,
  diffCommandStats,
  resetCommandStats,
  type StatsClient,
} from "./command-stats.ts";
export { expectNoForeignKeys, type ScanClient, type ScanClusterClient } from "./expect-no-foreign-keys.ts";
export { expectNoPending, type PendingSource } from "./expect-no-pending.ts";
export { type GuardHooks, type Guards, installGuards } from "./install-guards.ts";
export { percentile } from "./percentile.ts";
export { type Output, type PackageDocument, readDocument } from "./read-document.ts";
export type {
  ClientOptions,
  ClusterClientOptions,
  RedisServer,
  RedisVia,
  RestartOptions,
} from "./redis-server.ts";
export { runProgram } from "./run-program.ts";
export { type SeededRandom, seededRandom } from "./seeded-random.ts";
export { serveWorker, type WorkerHandlers } from "./serve-worker.ts";
export {
  type SpawnWorkerOptions,
  spawnWorker,
  type Worker,
  type WorkerExit,
  WorkerExitError,
} from "./spawn-worker.ts";
export { type ClusterProxies, startClusterProxies } from "./start-cluster-proxies.ts";
export {
  type BlackHoleOptions,
  type FaultProxy,
  type StartFaultProxyOptions,
  startFaultProxy,
} from "./start-fault-proxy.ts";
export { type PostgresServer, type StartPostgresOptions, startPostgres } from "./start-postgres.ts";
export { type ConfigValue, type RedisConfig, type StartRedisOptions, startRedis } from "./start-redis.ts";
export {
  type RedisCluster,
  type StartRedisClusterOptions,
  startRedisCluster,
} from "./start-redis-cluster.ts";
export {
  type RedisSentinel,
  type StartRedisSentinelOptions,
  startRedisSentinel,
} from "./start-redis-sentinel.ts";
export { type WaitForOptions, waitFor } from "./wait-for.ts";

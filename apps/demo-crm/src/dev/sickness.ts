import { slowDown } from "../db/slow-origin.ts";
import { shareTopic } from "../fleet/tell-instances.ts";
import { type Sickness, type SickProxy, startSickProxy } from "./sick-proxy.ts";

export interface SicknessState {
  /** `null` where there is no Redis that could be sick, or one that this proxy cannot stand in front of. */
  readonly redis: Sickness | null;
  readonly redisDelayMs: number;
  /** Milliseconds that each query takes longer. */
  readonly originDelayMs: number;
}

export interface SicknessChange {
  readonly redis?: Sickness | undefined;
  readonly redisDelayMs?: number | undefined;
  readonly originDelayMs?: number | undefined;
}

export interface SicknessSwitch {
  /** The environment with the proxy in place of the Redis that it named. */
  readonly env: Readonly<Record<string, string | undefined>>;
  state(): SicknessState;
  /** In this instance, and in those beside it. */
  apply(change: SicknessChange): SicknessState;
  close(): Promise<void>;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Puts a proxy in front of a single Redis without TLS; anything else is left alone and cannot be made sick. */
export async function createSicknessSwitch(env: Environment): Promise<SicknessSwitch> {
  const target = plainRedis(env);
  const proxy: SickProxy | null = target === null ? null : await startSickProxy(target);
  let state: SicknessState = { redis: proxy ? "none" : null, redisDelayMs: 0, originDelayMs: 0 };

  function applyHere(change: SicknessChange): void {
    const {
      redis = state.redis,
      redisDelayMs = state.redisDelayMs,
      originDelayMs = state.originDelayMs,
    } = change;
    state = { redis: proxy ? redis : null, redisDelayMs, originDelayMs };
    if (proxy && redis) proxy.become(redis, redisDelayMs);
    slowDown(originDelayMs);
  }
  const others = shareTopic<SicknessChange>("sickness", applyHere);

  return {
    env: proxy === null ? env : redirect(env, proxy.port),
    state: () => state,
    apply(change) {
      applyHere(change);
      others.tell(change);
      return state;
    },
    async close() {
      others.close();
      slowDown(0);
      await proxy?.close();
    },
  };
}

function plainRedis(env: Environment): { host: string; port: number } | null {
  if (env.REDIS_CLUSTER_NODES || env.REDIS_SENTINELS || env.REDIS_TLS) return null;
  if (env.REDIS_URL) {
    const url = URL.parse(env.REDIS_URL);
    // What is wrong with it is said by whoever uses it.
    if (url?.protocol !== "redis:") return null;
    return { host: url.hostname.replace(/^\[|\]$/g, ""), port: Number(url.port || 6379) };
  }
  return env.REDIS_HOST ? { host: env.REDIS_HOST, port: Number(env.REDIS_PORT || 6379) } : null;
}

function redirect(env: Environment, port: number): Environment {
  if (!env.REDIS_URL) return { ...env, REDIS_HOST: "127.0.0.1", REDIS_PORT: String(port) };
  const url = new URL(env.REDIS_URL);
  url.hostname = "127.0.0.1";
  url.port = String(port);
  return { ...env, REDIS_URL: url.href };
}

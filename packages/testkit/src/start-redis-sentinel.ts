import type { Redis } from "ioredis";
import { chooseBackend } from "./internal/choose-backend.ts";
import { createClientPool } from "./internal/client-pool.ts";
import { sentinelConfig } from "./internal/sentinel-config.ts";
import { ask, replicasOf, setPeriods, viewOf } from "./internal/sentinel-view.ts";
import { type RedisConfig, serverArgs } from "./internal/server-args.ts";
import { type LaunchedServer, launch } from "./internal/server-handle.ts";
import type { ClientOptions, RedisServer } from "./redis-server.ts";
import { waitFor } from "./wait-for.ts";

const QUICK_MS = 50;
const USUAL_MS = 1_000;

/** What {@link startRedisSentinel} takes. */
export interface StartRedisSentinelOptions {
  /** Name that the sentinels give to the primary. @default "testkit" */
  readonly name?: string | undefined;
  /** Number of replicas, 1 or more. @default 2 */
  readonly replicas?: number | undefined;
  /** Directives for every data node. @default {} */
  readonly config?: RedisConfig | undefined;
  /** Password of the data nodes; the sentinels have none. @default none */
  readonly password?: string | undefined;
  /** `down-after-milliseconds`: how long a silent primary is believed to be alive. @default 500 */
  readonly downAfterMs?: number | undefined;
}

/** A primary with replicas, watched by three sentinels of which two must agree. */
export interface RedisSentinel extends AsyncDisposable {
  /** What the sentinels call the primary; ioredis wants it as `name`. */
  readonly name: string;
  /** What ioredis wants as `sentinels`. */
  readonly sentinelAddresses: readonly { readonly host: string; readonly port: number }[];
  readonly sentinels: readonly RedisServer[];
  /** The data nodes; the first was the primary at the start. */
  readonly nodes: readonly RedisServer[];
  /** The node that the sentinels name as the primary now. */
  primary(): Promise<RedisServer>;
  /**
   * `SENTINEL FAILOVER`; resolves with the new primary once every sentinel names it, it takes writes, and the previous
   * one takes none any more and is in sync.
   */
  failover(): Promise<RedisServer>;
  /** SIGKILL to the primary; resolves with it when it is gone, which is before the sentinels notice. */
  killPrimary(): Promise<RedisServer>;
  /**
   * Resolves with the new primary once every sentinel names another node than `previous`, it takes writes, and the
   * replicas that are up are in sync with it: ready for the next fail-over. That is a second or two after clients
   * can write again.
   */
  promoted(previous: RedisServer, timeoutMs?: number): Promise<RedisServer>;
  /**
   * Starts the killed data nodes again and resolves when they are replicas in sync. A primary that comes back from the dead
   * takes writes at first; they are lost when the sentinels demote it.
   */
  restartKilled(): Promise<void>;
  /** A client that asks the sentinels for the primary, connected; closed by `stop()`. */
  client(options?: ClientOptions): Promise<Redis>;
  stop(): Promise<void>;
}

/**
 * Starts 1 primary, 2 replicas and 3 sentinels (quorum 2) that fail over within about two seconds. Resolves when the
 * replicas are in sync and every sentinel knows both replicas and both other sentinels. Never the server at
 * `TEST_REDIS_URL`.
 */
export async function startRedisSentinel(options: StartRedisSentinelOptions = {}): Promise<RedisSentinel> {
  const { name = "testkit", replicas = 2, password, downAfterMs = 500 } = options;
  const backend = await chooseBackend();
  const pool = createClientPool();
  const nodes: LaunchedServer[] = [];
  const sentinels: LaunchedServer[] = [];
  const auth = password === undefined ? {} : { password };

  async function startNode(primary?: RedisServer): Promise<void> {
    const args = serverArgs({
      persist: false,
      password,
      config: {
        // By default a primary waits 5 seconds for more replicas before it sends its data to the first.
        "repl-diskless-sync-delay": 0,
        "repl-ping-replica-period": 1,
        ...(primary ? { replicaof: [primary.host, primary.port] } : {}),
        ...options.config,
      },
    });
    nodes.push(await launch(backend, { args, talksToOthers: true }, { persist: false, password }));
  }

  async function startSentinel(primary: RedisServer): Promise<void> {
    const configFile = sentinelConfig({ name, primary, password, downAfterMs, quorum: 2 });
    const request = { args: ["--sentinel"], configFile, talksToOthers: true };
    sentinels.push(await launch(backend, request, { persist: true, password: undefined }));
  }

  function running(): LaunchedServer[] {
    return sentinels.filter((each) => each.running);
  }

  function nodeAt(port: string | undefined): RedisServer {
    const node = nodes.find((each) => each.port === Number(port));
    if (!node) throw new Error(`A sentinel names port ${port}, which is none of ours`);
    return node;
  }

  async function primary(): Promise<RedisServer> {
    const [sentinel] = running();
    if (!sentinel) throw new Error("primary(): every sentinel is down");
    const address = await ask(sentinel, undefined, (client) =>
      client.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name),
    );
    return nodeAt((address as string[])[1]);
  }

  /** The primary that every sentinel names, once it is another than `previous` and no fail-over goes on. */
  async function agreed(previous: RedisServer): Promise<RedisServer | undefined> {
    const views = await Promise.all(running().map((sentinel) => viewOf(sentinel, name)));
    // Other flags say that a fail-over goes on. It must not be disturbed: a sentinel that leads one waits for ever when
    // the node that it has just promoted goes down.
    if (views.some(({ flags, port }) => flags !== "master" || port !== views[0]?.port)) return undefined;
    const node = nodeAt(views[0]?.port);
    if (node === previous) return undefined;
    const [role] = await ask(node, password, (client) => client.role());
    return role === "master" ? node : undefined;
  }

  /** Whether every sentinel has seen every replica that is up in sync: only such a one can be promoted. */
  async function inSync(): Promise<boolean> {
    const views = await Promise.all(running().map((sentinel) => replicasOf(sentinel, name)));
    return views.flat().every((view) => {
      const down = view.flags?.includes("s_down");
      return down || (view["role-reported"] === "slave" && view["master-link-status"] === "ok");
    });
  }

  async function promoted(previous: RedisServer, timeoutMs = 15_000): Promise<RedisServer> {
    const node = await waitFor(() => agreed(previous), {
      timeoutMs,
      description: `another primary than ${previous.host}:${previous.port}`,
    });
    await settle();
    return node;
  }

  /** Lets the sentinels demote whoever is a primary by mistake, and the replicas catch up. */
  async function settle(): Promise<void> {
    await greetEvery(QUICK_MS);
    await waitFor(inSync, { timeoutMs: 10_000, intervalMs: 20, description: "replicas in sync" });
    await greetEvery(USUAL_MS);
  }

  async function failover(): Promise<RedisServer> {
    const previous = await primary();
    // Refused (NOGOODSLAVE, INPROG) while the sentinels still sort out the fail-over before this one.
    await waitFor(
      () => ask(running()[0]!, undefined, (client) => client.call("SENTINEL", "FAILOVER", name)),
      { timeoutMs: 10_000, intervalMs: 50, description: "SENTINEL FAILOVER accepted" },
    );
    return promoted(previous);
  }

  async function restartKilled(): Promise<void> {
    await Promise.all(nodes.filter((node) => !node.running).map((node) => node.restart()));
    await waitFor(noneIsDown, {
      timeoutMs: 10_000,
      intervalMs: 20,
      description: "sentinels that see every node",
    });
    await settle();
  }

  async function noneIsDown(): Promise<boolean> {
    const views = await Promise.all(running().map((sentinel) => replicasOf(sentinel, name)));
    return views.flat().every(({ flags }) => flags === "slave");
  }

  async function killPrimary(): Promise<RedisServer> {
    const target = await primary();
    await target.kill();
    return target;
  }

  /**
   * How often sentinels greet each other decides how soon they meet. Four such periods are also what they grant a node
   * that calls itself a primary against their opinion before they demote it: with a short period they would demote the
   * one that they are just promoting, since the leader needs more than a second to announce it.
   */
  async function greetEvery(periodMs: number): Promise<void> {
    await settled(running().map((each) => setPeriods(each, periodMs)));
  }

  async function stop(): Promise<void> {
    pool.close();
    // The sentinels first: they would start a fail-over among the dying.
    await Promise.all(sentinels.map((each) => each.stop()));
    await Promise.all(nodes.map((each) => each.stop()));
  }

  async function isComplete(sentinel: RedisServer): Promise<boolean> {
    const view = await viewOf(sentinel, name);
    return view["num-slaves"] === String(replicas) && view["num-other-sentinels"] === "2";
  }

  try {
    await startNode();
    const first = nodes[0]!;
    await settled(Array.from({ length: replicas }, () => startNode(first)));
    await waitFor(
      async () => {
        const info = await ask(first, password, (client) => client.info("replication"));
        return info.split("state=online").length - 1 === replicas;
      },
      { timeoutMs: 15_000, description: "replicas in sync" },
    );
    await settled([0, 1, 2].map(() => startSentinel(first)));
    await greetEvery(QUICK_MS);
    await waitFor(async () => (await Promise.all(sentinels.map(isComplete))).every(Boolean), {
      timeoutMs: 15_000,
      intervalMs: 20,
      description: "sentinels that know each other and the replicas",
    });
    await greetEvery(USUAL_MS);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    name,
    sentinelAddresses: sentinels.map(({ host, port }) => ({ host, port })),
    sentinels,
    nodes,
    primary,
    failover,
    killPrimary,
    promoted,
    restartKilled,
    client: (clientOptions) =>
      pool.redis(
        {
          sentinels: sentinels.map(({ host, port }) => ({ host, port })),
          name,
          sentinelRetryStrategy: () => 50,
          ...auth,
        },
        clientOptions,
      ),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** Waits for all before it fails, so that nothing starts behind the back of the clearing up. */
async function settled(promises: Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(promises)) {
    if (result.status === "rejected") throw result.reason;
  }
}

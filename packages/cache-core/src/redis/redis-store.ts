import type { AtomicOperation, AtomicReply } from "../atomic-operation.ts";
import { StoreUnavailableError } from "../errors.ts";
import { retention } from "../internal/retention.ts";
import { redactCause } from "../redact.ts";
import type { Store, StoreWarning } from "../store.ts";
import { BulkFlow } from "./bulk-flow.ts";
import { type CallDeadline, CallDeadlines } from "./call-deadlines.ts";
import { boundedDuration, wholeNumber } from "./check-options.ts";
import { checkTarget } from "./check-target.ts";
import { connect } from "./connect.ts";
import { connectNodes } from "./connect-nodes.ts";
import { DeadlineQueue } from "./deadline-queue.ts";
import { DurableRuns } from "./durable-runs.ts";
import { FirstConnection } from "./first-connection.ts";
import { Lane } from "./lane.ts";
import { clusterCommandClassFor, commandClassFor } from "./load-ioredis.ts";
import type { RedisStoreOptions } from "./options.ts";
import { readInfo } from "./read-info.ts";
import { Reads } from "./reads.ts";
import { replaceSilent } from "./replace-silent.ts";
import { isLoading, isReplyError, toStoreError } from "./reply-error.ts";
import { revive } from "./revive.ts";
import { scanKeys } from "./scan-keys.ts";
import type { Answer } from "./script-call.ts";
import { Scripts } from "./scripts.ts";
import { SharedReaders } from "./shared-readers.ts";
import { SharedSubscriber } from "./shared-subscriber.ts";
import { watchHandshake } from "./watch-handshake.ts";

/** Reads the server's clock over one lane; also the probe of a silent one. */
const READ_CLOCK: AtomicOperation = {
  name: "readClock",
  lua: "local time = redis.call('TIME') return time[1] * 1000 + math.floor(time[2] / 1000) -- KEYS: any key of the lane",
  run: (database) => Math.floor(database.nowMs()),
};

const PUBLISH: AtomicOperation = {
  name: "publish",
  lua: "return redis.call('PUBLISH', KEYS[1], ARGV[1]) -- KEYS: the channel. ARGV: the message. O(subscribers).",
  run: (database, keys, args) => database.publish(keys[0] as string, Buffer.from(String(args[0]))),
};

const PROBE_EVERY_MS = 100;
/** A connection that stays silent this long is replaced: its peer may be gone without a word. */
const REPLACE_AFTER_MS = 500;

/**
 * A store on Redis: one server, Sentinel or Cluster; Redis 7 or Valkey 7.2 and later. Connects at once, and needs no server to be
 * there: calls fail, and the cache goes on without, until one is.
 *
 * @throws InvalidOptionError, InvalidDurationError
 */
export function redisStore(options: RedisStoreOptions): Store {
  checkTarget(options);
  const deadlineMs = boundedDuration(options.commandTimeout ?? "40ms", "commandTimeout", 5, 10_000);
  const invalidationMs = boundedDuration(
    options.invalidationTimeout ?? "250ms",
    "invalidationTimeout",
    5,
    60_000,
  );
  const { client, topology, owned } = connect(options);
  const scripts = owned
    ? new Scripts(client, commandClassFor(client), clusterCommandClassFor(client))
    : new Scripts(client, undefined, undefined);
  const cluster = topology === "cluster";
  const buckets = cluster ? wholeNumber(options.buckets ?? 16, "buckets", 1, 256) : 1;

  const deadlines = new DeadlineQueue(deadlineMs);
  const longDeadlines = new DeadlineQueue(invalidationMs);
  const flow = new BulkFlow(client);
  const callDeadlines = new CallDeadlines(flow, () => closed);
  const lanes = new Map<string, Lane>();
  const warningHandlers = new Set<(warning: StoreWarning) => void>();
  const availabilityHandlers = new Set<(available: boolean) => void>();
  let closed = false;
  let everReady = false;
  /** In a Cluster, while the connections to its nodes are made for the first time. */
  let warming: Promise<void> | undefined;
  let available = false;

  function warn(warning: StoreWarning): void {
    // An error of the client carries the command, and with it a password or a value.
    const told = { ...warning, cause: redactCause(warning.cause) };
    for (const handler of warningHandlers) handler(told);
  }

  function laneOf(key: string): Lane {
    const hashTag = cluster ? key.slice(key.indexOf("{"), key.indexOf("}") + 1) : "";
    let lane = lanes.get(hashTag);
    if (lane === undefined) {
      lane = new Lane(hashTag);
      lanes.set(hashTag, lane);
    }
    return lane;
  }

  function updateAvailability(): void {
    const next = !closed && client.status === "ready" && ![...lanes.values()].some((lane) => lane.silent);
    if (next === available) return;
    available = next;
    for (const handler of availabilityHandlers) handler(next);
  }

  // Connection

  const subscriber = new SharedSubscriber(client, deadlineMs, (cause) =>
    warn({ code: "SUBSCRIBER", message: "A subscriber failed; the others were served.", cause }),
  );
  const readers = new SharedReaders(client);
  const durable = new DurableRuns(client, invalidationMs);
  const first = new FirstConnection(client, deadlineMs);
  /** For calls that have longer, such as an invalidation or the question for a lock. */
  const firstOfLong = new FirstConnection(client, invalidationMs);

  function onReady(): void {
    if (cluster && !everReady) {
      warming = connectNodes(client, deadlineMs / 2).then(() => {
        warming = undefined;
      });
    }
    everReady = true;
    for (const lane of lanes.values()) {
      lane.reset();
      // Before anything else on this connection, so that no entry is judged before the server's clock is known.
      readClock(lane);
    }
    if (lanes.size === 0 && !cluster) readClock(laneOf(""));
    updateAvailability();
    void reportPolicy();
  }

  function onDown(): void {
    updateAvailability();
  }

  function onError(cause: unknown): void {
    warn({ code: "CONNECTION", message: "The connection to Redis failed; it is tried again.", cause });
  }

  client.on("ready", onReady);
  client.on("close", onDown);
  client.on("reconnecting", onDown);
  client.on("end", onDown);
  client.on("error", onError);
  if (client.status === "ready") onReady();
  else if (client.status === "wait") client.connect().catch(() => {});

  async function reportPolicy(): Promise<void> {
    try {
      const { evictionPolicy, maxMemoryBytes } = await readInfo(client, deadlineMs * 4);
      if (maxMemoryBytes === 0 || evictionPolicy === null || evictionPolicy === "noeviction") return;
      warn({
        code: "EVICTION_POLICY",
        message:
          `The server evicts (${evictionPolicy}). Entries, indexes and tags may go at any time: a lost index is ` +
          "noticed and rebuilt by a scan before the next invalidation is acknowledged, which is then slow, and " +
          "sessions may be lost. Give sessions a server with `noeviction`.",
      });
    } catch {
      // Not allowed to ask, or not answered: `getStats()` asks again.
    }
  }

  function readClock(lane: Lane): void {
    const key = `clock${lane.hashTag}`;
    const sentAt = performance.now();
    const sample = flow.sample(sentAt);
    const sent = scripts.run(READ_CLOCK, [key], []);
    const deadline = callDeadlines.add(deadlines, sentAt, sample, () => timedOut(lane, sentAt));
    sent.then(
      (reply) => {
        deadline.current.settled = true;
        lane.noteServerTime(Number(reply), sentAt);
        answered(lane);
      },
      (cause) => {
        deadline.current.settled = true;
        if (isReplyError(cause)) answered(lane);
      },
    );
  }

  /** Asks for the server's time in passing, where it was asked long ago. */
  function freshenClock(lane: Lane): void {
    if (lane.clockIsOld && client.status === "ready" && !lane.silent) readClock(lane);
  }

  const clockQuestions = new Map<Lane, Promise<void>>();

  /** As `readClock`, for callers who have to know: once for all who ask at the same time. */
  function askClock(lane: Lane): Promise<void> {
    let question = clockQuestions.get(lane);
    if (question === undefined) {
      let sentAt = 0;
      question = guarded("readClock", lane, longDeadlines, (answer) => {
        sentAt = performance.now();
        scripts.send(READ_CLOCK, [`clock${lane.hashTag}`], [], answer);
      })
        .then((reply) => lane.noteServerTime(Number(reply), sentAt))
        .finally(() => clockQuestions.delete(lane));
      clockQuestions.set(lane, question);
    }
    return question;
  }

  function answered(lane: Lane): void {
    flow.noteAnswer();
    if (lane.answered()) updateAvailability();
  }

  function timedOut(lane: Lane, sentAt: number): void {
    if (!lane.timedOut(sentAt)) return;
    updateAvailability();
    probe(lane);
  }

  /** Asks a silent lane now and then whether it is back. Ends when it answers, or when the store is closed. */
  function probe(lane: Lane): void {
    const timer = setTimeout(() => {
      if (closed || !lane.silent) return;
      if (client.status === "ready") {
        if (lane.silentMs > REPLACE_AFTER_MS && owned) replaceConnection(lane);
        else readClock(lane);
      }
      probe(lane);
    }, PROBE_EVERY_MS);
    timer.unref();
  }

  function replaceConnection(lane: Lane): void {
    replaceSilent(client, deadlineMs);
    lane.reset();
    // Still counted as silent until the new connection answers.
    lane.timedOut(performance.now());
  }

  if (owned && !cluster) {
    watchHandshake(client);
    revive(client, () => closed);
  }

  /**
   * Lets a call through only to a server that can be expected to answer. While the very first connection is being
   * made a call waits for it, as long as it makes progress; afterwards a lost connection refuses at once.
   */
  function admit(operation: string, lane: Lane, connection: FirstConnection): Promise<void> | undefined {
    if (closed) return refuse(operation, "closed");
    if (lane.silent || lane.refuses) return refuse(operation, "breaker");
    if (client.status === "ready") return warming;
    if (
      everReady ||
      !connection.patient ||
      client.status === "reconnecting" ||
      client.status === "close" ||
      client.status === "end"
    ) {
      return refuse(operation, "down");
    }
    return connection.wait().then((stands) => (stands ? undefined : refuse(operation, "down")));
  }

  /** A turn of the event loop later: callers that go on at once must not keep the answer that ends it from being read. */
  function refuse(operation: string, reason: "closed" | "breaker" | "down"): Promise<never> {
    return new Promise((_, reject) => {
      setImmediate(() => reject(new StoreUnavailableError({ operation, reason })));
    });
  }

  /** Sends a call and gives up on it at its deadline; not before the server's clock has passed `until`. */
  function guarded<T>(
    operation: string,
    lane: Lane,
    queue: DeadlineQueue,
    send: (answer: Answer) => void,
    until?: number | null,
  ): Promise<T> {
    const refusal = admit(operation, lane, queue === longDeadlines ? firstOfLong : first);
    if (refusal !== undefined) return refusal.then(() => guarded(operation, lane, queue, send, until));
    const sentAt = performance.now();
    const sample = flow.sample(sentAt);
    let resolve!: (value: T) => void;
    let reject!: (error: unknown) => void;
    const promise = new Promise<T>((onValue, onError) => {
      resolve = onValue;
      reject = onError;
    });
    const fail = (error: unknown): void => {
      const leftMs = until == null || closed ? 0 : until + 1 - (lane.bounds?.atLeast ?? until);
      if (leftMs > 0) setTimeout(reject, leftMs, error).unref();
      else reject(error);
    };
    let settled = false;
    let deadline: CallDeadline | undefined;
    const settle = (): void => {
      settled = true;
      if (deadline !== undefined) deadline.current.settled = true;
    };
    const answer: Answer = {
      promise,
      onReply(reply) {
        settle();
        answered(lane);
        resolve(reply as T);
      },
      onError(cause) {
        settle();
        if (isReplyError(cause)) answered(lane);
        if (isLoading(cause)) lane.noteRefusal();
        const error = toStoreError(operation, cause);
        if (error.code === "STORE_UNAVAILABLE" && error.reason === "readonly") leaveReplica();
        if (isReplyError(cause)) reject(error);
        else fail(error);
      },
    };
    try {
      send(answer);
    } catch (cause) {
      answer.onError(cause);
    }
    // After it is on its way: the server need not wait for this.
    if (settled) return promise;
    deadline = callDeadlines.add(queue, sentAt, sample, () => {
      timedOut(lane, sentAt);
      fail(new StoreUnavailableError({ operation, reason: "timeout" }));
    });
    return promise;
  }

  let leftReplicaAt = Number.NEGATIVE_INFINITY;
  /** After a fail-over the old primary refuses writes; a new connection finds the new one. */
  function leaveReplica(): void {
    if (!owned || cluster || performance.now() - leftReplicaAt < 1_000) return;
    leftReplicaAt = performance.now();
    client.stream?.destroy();
  }

  const reads = new Reads({
    client,
    laneOf,
    warn,
    send(operation, lane, send) {
      freshenClock(lane);
      return guarded(operation, lane, deadlines, send);
    },
  });

  async function close(): Promise<void> {
    if (closed) return;
    closed = true;
    deadlines.clear();
    longDeadlines.clear();
    durable.close();
    await subscriber.close();
    client.off("ready", onReady);
    first.close();
    firstOfLong.close();
    client.off("close", onDown);
    client.off("reconnecting", onDown);
    client.off("end", onDown);
    if (owned) {
      client.disconnect();
      client.stream?.destroy();
      client.on("error", () => {});
    }
    client.off("error", onError);
    updateAvailability();
  }

  return {
    specVersion: 1,
    topology,
    buckets,

    async ready() {
      await admit("ready", laneOf(""), firstOfLong)?.catch(() => {});
      await warming;
    },

    get: (key) => reads.get(key),
    getMany: (keys) => reads.getMany(keys),

    run(operation, keys, args, runOptions) {
      const lane = laneOf(keys[0] as string);
      const queue = runOptions?.deadlineMs === undefined ? deadlines : longDeadlines;
      const send = (answer: Answer): void => scripts.send(operation, keys, args, answer);
      return guarded<AtomicReply>(operation.name, lane, queue, send, runOptions?.until);
    },

    async runDurably(operation, keys, args, durability) {
      const lane = laneOf(keys[0] as string);
      await admit(operation.name, lane, firstOfLong);
      return durable.run(lane.hashTag, operation, keys, args, durability);
    },

    serverNow: (key) => laneOf(key).serverNow(),
    async giveUpAt(key, fresh) {
      const lane = laneOf(key);
      if (fresh === true || lane.bounds === undefined) await askClock(lane);
      else freshenClock(lane);
      const bounds = lane.bounds;
      if (bounds === undefined) return refuse("readClock", "down");
      return Math.floor(bounds.atLeast + bounds.spreadMs + invalidationMs);
    },
    publish: (channel, message) =>
      guarded<number>("publish", laneOf(""), deadlines, (answer) => {
        // ioredis sends `PUBLISH` to any node; the script goes to the one of the channel, so messages keep their order.
        if (cluster) scripts.send(PUBLISH, [channel], [message], answer);
        else client.publish(channel, message).then(answer.onReply, answer.onError);
      }),
    subscribe: (channel, handler, onGap) => subscriber.subscribe(channel, handler, onGap),
    follow: (stream, handlers, followOptions) => readers.follow(stream, handlers, followOptions),
    scan: (prefix) => scanKeys(client, prefix),
    info: () => readInfo(client, deadlineMs * 4),

    get available() {
      return available;
    },
    onAvailability(handler) {
      availabilityHandlers.add(handler);
      return () => availabilityHandlers.delete(handler);
    },
    onWarning(handler) {
      warningHandlers.add(handler);
      return () => warningHandlers.delete(handler);
    },

    retain: retention(close),
    close,
  };
}

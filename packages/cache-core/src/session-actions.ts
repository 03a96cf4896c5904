import { randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";
import type { Cache } from "./cache.ts";
import { checkKey } from "./check-key.ts";
import { type Duration, parseDuration } from "./duration.ts";
import { InvalidSessionError } from "./errors.ts";
import type { CacheEvents } from "./events.ts";
import { runInTime } from "./internal/run-in-time.ts";
import { createSession } from "./scripts/create-session.ts";
import { destroySessions } from "./scripts/destroy-sessions.ts";
import { listSessions } from "./scripts/list-sessions.ts";
import { touchSession } from "./scripts/touch-session.ts";

/** A user's session. */
export interface Session<T = unknown> {
  readonly id: string;
  readonly userId: string;
  readonly data: T;
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

/**
 * Sessions are no cache entries: no invalidation, tag, pattern or `clear` touches them. They live where an eviction
 * policy may still take them; `getStats().warnings` says so when the server evicts.
 *
 * Other than reads of the cache, these calls reject when the store is away: nobody is logged in, or out, by accident.
 */
export interface Sessions {
  /** Makes a session with an id of 192 random bits. `data` as for `set`. */
  create<T>(userId: string, data: T, ttl: Duration): Promise<Session<T>>;
  /** The session, or `null` when there is none, or no longer. Does not prolong it. */
  read<T = unknown>(id: string): Promise<Session<T> | null>;
  /** Prolongs the session by the TTL that it was made with. Resolves to whether there was one. */
  touch(id: string): Promise<boolean>;
  /** Ends one session. Resolves to whether there was one. */
  destroy(id: string): Promise<boolean>;
  /** The live sessions of a user, oldest first. */
  list<T = unknown>(userId: string): Promise<Session<T>[]>;
  /** Ends all sessions of a user. Resolves to how many there were. */
  destroyAll(userId: string): Promise<number>;
}

/** What `cache.extend(sessionActions())` adds. */
export interface SessionActions {
  readonly sessions: Sessions;
}

/** What is stored of a session, beside its data. */
interface Stored {
  readonly u: string;
  readonly d: unknown;
}

/** CRC-32 of the payload, before it. */
const CHECKSUM_BYTES = 4;
const ID = /^[0-9a-z]{1,3}\.[A-Za-z0-9_-]{32}$/;

/** Adds `cache.sessions`. */
export function sessionActions(): (cache: Cache) => SessionActions {
  return (cache) => ({ sessions: createSessions(cache) });
}

function createSessions(cache: Cache): Sessions {
  const { store, keys, codec, prefix, emitter, logger } = cache.internals;

  /** Sessions of a user lie together: the id begins with the number of their slot group. */
  function place(bucket: number): { names: string[]; args: string[] } {
    const hashTag = keys.hashTag(bucket);
    return { names: [`${keys.base}s${hashTag}`], args: [keys.base, hashTag] };
  }

  function bucketOfId(id: string): number {
    const bucket = Number.parseInt(id.slice(0, id.indexOf(".")), 36);
    return bucket < keys.buckets ? bucket : 0;
  }

  /** What is wrong is told, without the id: who knows it has the session. */
  function reject(reason: CacheEvents["session:rejected"]["reason"]): null {
    logger.warn({ reason }, "A stored session cannot be used; it counts as none");
    if (emitter.wants("session:rejected")) emitter.emit("session:rejected", { reason });
    return null;
  }

  function fromReply<T>(id: string, reply: unknown): Session<T> | null {
    const [expiresAt, kind, payload, createdAt] = reply as [number, number, Buffer, number];
    if (kind === -1) return reject("foreign");
    if (kind >> 4 !== codec.id) return reject("codec");
    const bytes = payload.subarray(CHECKSUM_BYTES);
    if (payload.length < CHECKSUM_BYTES || payload.readUInt32BE(0) !== crc32(bytes)) return reject("damaged");
    const stored = codec.decode(bytes, kind & 15) as Stored;
    return {
      id,
      userId: stored.u.slice(prefix.length),
      data: stored.d as T,
      createdAt: new Date(createdAt),
      expiresAt: new Date(expiresAt),
    };
  }

  async function run(
    operation: Parameters<typeof store.run>[0],
    bucket: number,
    args: (string | number | Buffer)[],
  ): Promise<unknown> {
    const { names, args: head } = place(bucket);
    return store.run(operation, names, [...head, ...args]);
  }

  return {
    async create<T>(userId: string, data: T, ttl: Duration): Promise<Session<T>> {
      const user = prefix + checkUserId(userId);
      const ttlMs = parseDuration(ttl, "ttl");
      const bucket = keys.bucketOf(user);
      const id = `${bucket.toString(36)}.${randomBytes(24).toString("base64url")}`;
      const { bytes, hint } = codec.encode({ u: user, d: data } satisfies Stored);
      const checksum = Buffer.alloc(CHECKSUM_BYTES);
      checksum.writeUInt32BE(crc32(bytes));
      const { names, args } = place(bucket);
      const expiresAt = await runInTime(store, createSession, names, (until) => [
        ...args,
        prefix + id,
        user,
        ttlMs,
        (codec.id << 4) | hint,
        Buffer.concat([checksum, bytes]),
        until,
      ]);
      // As a reader would get it: what the caller does to `data` later does not reach the session.
      const copy = (codec.decode(bytes, hint) as Stored).d as T;
      return {
        id,
        userId,
        data: copy,
        createdAt: new Date(expiresAt - ttlMs),
        expiresAt: new Date(expiresAt),
      };
    },

    async read<T>(id: string): Promise<Session<T> | null> {
      if (!isId(id)) return null;
      const found = (await run(listSessions, bucketOfId(id), ["", prefix + id])) as unknown[];
      const reply = found[0];
      return reply === undefined ? null : fromReply<T>(id, (reply as unknown[]).slice(1));
    },

    async touch(id) {
      if (!isId(id)) return false;
      return (await run(touchSession, bucketOfId(id), [prefix + id])) === 1;
    },

    async destroy(id) {
      if (!isId(id)) return false;
      return (await run(destroySessions, bucketOfId(id), ["", prefix + id])) === 1;
    },

    async list<T>(userId: string): Promise<Session<T>[]> {
      const user = prefix + checkUserId(userId);
      const found = (await run(listSessions, keys.bucketOf(user), [user])) as unknown[][];
      return found
        .map(([name, ...reply]) =>
          fromReply<T>((name as Buffer).toString("utf8").slice(prefix.length), reply),
        )
        .filter((session) => session !== null)
        .sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime() || (a.id < b.id ? -1 : 1));
    },

    async destroyAll(userId) {
      const user = prefix + checkUserId(userId);
      return (await run(destroySessions, keys.bucketOf(user), [user])) as number;
    },
  };
}

/** An id that this library cannot have made belongs to no session; looking it up would only reveal that. */
function isId(id: unknown): id is string {
  if (typeof id !== "string") {
    throw new InvalidSessionError({ parameter: "id", expected: "the id of a session", received: id });
  }
  return ID.test(id);
}

function checkUserId(userId: unknown): string {
  try {
    return checkKey(userId, "userId");
  } catch (cause) {
    throw new InvalidSessionError({
      parameter: "userId",
      expected: "a non-empty string of at most 1024 bytes without control characters",
      received: userId,
      cause,
    });
  }
}

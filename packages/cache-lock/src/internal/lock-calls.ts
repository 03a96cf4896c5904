import { type AtomicOperation, type AtomicReply, type Store, StoreReplyError } from "@crm/cache-core";
import { acquireLock } from "../scripts/acquire-lock.ts";
import { forceReleaseLock } from "../scripts/force-release.ts";
import { inspectLock } from "../scripts/inspect-lock.ts";
import { releaseLock } from "../scripts/release-lock.ts";
import { renewLock } from "../scripts/renew-lock.ts";
import { watchLock } from "../scripts/watch-lock.ts";
import type { LockPlace } from "./lock-place.ts";

/** The store's patience for a write that must not be lost lightly; it decides how long exactly. */
const PATIENT = { deadlineMs: 0 };

export interface Durability {
  readonly replicas: number;
  readonly timeoutMs: number;
}

/** What every answer may bring along: grants to others of this process, and whom to look after. */
export interface Aftermath {
  readonly watchMs: number;
  readonly granted: readonly OwnGrant[];
}

/** A grant with its whole lease, in the answer to a call of the process that waits for it. */
export interface OwnGrant {
  readonly token: string;
  readonly fence: number;
}

export interface AcquireReply extends Aftermath {
  /** The fence when the lock is the caller's. */
  readonly fence: number | undefined;
  readonly ticket: number;
  /** Until the first lease ends; -1 when there is none. */
  readonly nextMs: number;
  /** The queue had forgotten the caller. */
  readonly missing: boolean;
  /** Whether as many replicas as asked for have acknowledged. */
  readonly acknowledged: number;
}

export interface HolderReply {
  readonly token: string;
  readonly leftMs: number;
  readonly record: string;
}

/** The atomic operations on locks, with what they have in common filled in, and their replies read. */
export class LockCalls {
  readonly processId: string;
  readonly #store: Store;
  readonly #head: readonly string[];

  constructor(store: Store, base: string, processId: string, owner: string) {
    this.#store = store;
    this.processId = processId;
    // In a Cluster a script sees the subscribers of its own node only.
    this.#head = [processId, `${base}k:`, store.topology === "cluster" ? "0" : "1", owner];
  }

  get channel(): string {
    return `${this.#head[1]}${this.processId}`;
  }

  async acquire(
    place: LockPlace,
    token: string,
    ttlMs: number,
    ticket: number,
    queue: boolean,
    durability: Durability | undefined,
  ): Promise<AcquireReply> {
    const rest = [token, ttlMs, ticket, queue ? "q" : "t"];
    let reply: AtomicReply;
    let acknowledged = 0;
    if (durability === undefined) reply = await this.#run(acquireLock, place, rest);
    else {
      const args = [...this.#head, ...rest];
      ({ reply, acknowledged } = await this.#store.runDurably(acquireLock, place.keys, args, durability));
    }
    const numbers = listOf(acquireLock, reply) as readonly number[];
    const value = numbers[1] as number;
    return {
      fence: numbers[0] === 1 ? value : undefined,
      ticket: numbers[0] === 1 ? 0 : value,
      watchMs: numbers[2] as number,
      nextMs: numbers[3] as number,
      missing: numbers[4] === 1,
      acknowledged,
      granted: grants(numbers, 5),
    };
  }

  /** How many replicas have acknowledged the renewal; `undefined` when the lock is not the caller's any more. */
  async renew(
    place: LockPlace,
    token: string,
    ttlMs: number,
    durability: Durability | undefined,
  ): Promise<number | undefined> {
    const args = [...this.#head, token, ttlMs];
    if (durability === undefined) {
      return (await this.#store.run(renewLock, place.keys, args, PATIENT)) === 1 ? 0 : undefined;
    }
    const { reply, acknowledged } = await this.#store.runDurably(renewLock, place.keys, args, durability);
    return reply === 1 ? acknowledged : undefined;
  }

  async release(place: LockPlace, token: string): Promise<Aftermath & { readonly held: boolean }> {
    const reply = listOf(releaseLock, await this.#run(releaseLock, place, [token]));
    return { held: reply[0] === 1, watchMs: reply[1] as number, granted: grants(reply, 2) };
  }

  async watch(place: LockPlace): Promise<Aftermath> {
    const reply = listOf(watchLock, await this.#run(watchLock, place, []));
    return { watchMs: reply[0] as number, granted: grants(reply, 1) };
  }

  async force(place: LockPlace): Promise<Aftermath & { readonly taken: readonly string[] }> {
    const reply = listOf(forceReleaseLock, await this.#run(forceReleaseLock, place, []));
    const end = 2 + (reply[1] as number);
    return {
      watchMs: reply[0] as number,
      taken: reply.slice(2, end).map(String),
      granted: grants(reply, end),
    };
  }

  async inspect(
    place: LockPlace,
  ): Promise<{ fence: number; waiters: number; holders: readonly HolderReply[] }> {
    const reply = listOf(inspectLock, await this.#run(inspectLock, place, []));
    const [fence, waiters, ...rest] = reply as unknown as [number, number, ...unknown[]];
    const holders: HolderReply[] = [];
    for (let i = 0; i < rest.length; i += 3) {
      holders.push({ token: String(rest[i]), leftMs: Number(rest[i + 1]), record: String(rest[i + 2]) });
    }
    return { fence, waiters, holders };
  }

  #run(
    operation: AtomicOperation,
    place: LockPlace,
    rest: readonly (string | number)[],
  ): Promise<AtomicReply> {
    return this.#store.run(operation, place.keys, [...this.#head, ...rest], PATIENT);
  }
}

function listOf(operation: AtomicOperation, reply: AtomicReply): readonly AtomicReply[] {
  if (Array.isArray(reply)) return reply;
  throw new StoreReplyError({ operation: operation.name, received: reply });
}

/** Own grants, from a place in a reply to its end. */
function grants(reply: readonly AtomicReply[], from: number): readonly OwnGrant[] {
  if (reply.length <= from) return NONE;
  const found: OwnGrant[] = [];
  for (let i = from; i < reply.length; i += 2)
    found.push({ token: String(reply[i]), fence: Number(reply[i + 1]) });
  return found;
}

const NONE: readonly OwnGrant[] = [];

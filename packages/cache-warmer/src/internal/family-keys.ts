import { type Clock, InvalidFetcherError } from "@crm/cache-core";
import type { WarmingFamily } from "../warming-task.ts";
import { inTime } from "./in-time.ts";

interface KeyRequest {
  readonly name: string;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * The keys of a family as its `keys` lists them, each of which has to come in time; a source that is left early is told so, and not
 * waited for. They are not checked.
 */
export async function* familyKeys(list: WarmingFamily["keys"], request: KeyRequest): AsyncGenerator<unknown> {
  const { name: key, clock, timeoutMs: ms, signal } = request;
  const limit = { clock, ms, key, signal };
  const listed: unknown = await inTime(Promise.resolve(list({ signal })), limit);
  if (isAsyncIterable(listed)) {
    const iterator = listed[Symbol.asyncIterator]();
    let ended = false;
    try {
      for (;;) {
        const next = await inTime(Promise.resolve(iterator.next()), limit);
        // As `for await` has it: otherwise there would be no end of it.
        if (typeof next !== "object" || next === null) throw noIterable(next);
        if (next.done === true) break;
        yield next.value;
      }
      ended = true;
    } finally {
      if (!ended) Promise.resolve(iterator.return?.()).catch(() => {});
    }
    return;
  }
  // A text has iterators, too: of its letters.
  if (typeof listed !== "object" || listed === null || !(Symbol.iterator in listed)) {
    throw noIterable(listed);
  }
  yield* listed as Iterable<unknown>;
}

function noIterable(received: unknown): InvalidFetcherError {
  const expected = "an iterable or async iterable of keys";
  return new InvalidFetcherError({ received, parameter: "keys", expected });
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}

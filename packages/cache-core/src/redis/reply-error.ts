import { StoreReplyError, StoreUnavailableError } from "../errors.ts";

/** Prefixes of replies that say: not now, perhaps later. */
const NOT_NOW =
  /^(LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|OOM|BUSY|NOREPLICAS|MISCONF|UNKILLABLE|MOVED|ASK)\b/;

/** What a script says in a Cluster of a slot that is being moved, or has no owner for now. */
const NOT_HERE = /Script attempted to (access a non local key|execute a (write )?command while)/;

/** Whether a server says that it serves nobody before it has its data. */
export function isLoading(cause: unknown): boolean {
  return cause instanceof Error && /^(LOADING|MASTERDOWN)\b/.test(cause.message);
}

/** The toolkit's error for what a client rejected with. */
export function toStoreError(operation: string, cause: unknown): StoreUnavailableError | StoreReplyError {
  const message = cause instanceof Error ? cause.message : String(cause);
  if (isReplyError(cause)) {
    if (message.startsWith("READONLY") || message.includes("-READONLY")) {
      return new StoreUnavailableError({ operation, reason: "readonly", cause });
    }
    if (
      NOT_NOW.test(message) ||
      NOT_HERE.test(message) ||
      message.includes("-OOM") ||
      message.includes("OOM command")
    ) {
      return new StoreUnavailableError({ operation, reason: "error", cause });
    }
    return new StoreReplyError({ operation, cause });
  }
  return new StoreUnavailableError({ operation, reason: "down", cause });
}

/** Whether the server itself answered with an error. */
export function isReplyError(cause: unknown): cause is Error {
  return cause instanceof Error && cause.name === "ReplyError";
}

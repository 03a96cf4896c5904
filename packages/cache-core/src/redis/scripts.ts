import { createHash } from "node:crypto";
import type { AtomicArgument, AtomicOperation } from "../atomic-operation.ts";
import { compactLua } from "./compact-lua.ts";
import type { RedisLike } from "./redis-like.ts";
import { isReplyError } from "./reply-error.ts";

/** Runs the Lua of atomic operations by its hash, and sends it to a server that does not know it. */
export class Scripts {
  readonly #client: Required<Pick<RedisLike, "evalshaBuffer" | "evalBuffer">>;
  readonly #known = new Map<AtomicOperation, { readonly lua: string; readonly sha: string }>();

  constructor(client: RedisLike) {
    this.#client = client as Required<Pick<RedisLike, "evalshaBuffer" | "evalBuffer">>;
  }

  async run(
    operation: AtomicOperation,
    keys: readonly string[],
    args: readonly AtomicArgument[],
  ): Promise<unknown> {
    let script = this.#known.get(operation);
    if (script === undefined) {
      const lua = compactLua(operation.lua);
      script = { lua, sha: createHash("sha1").update(lua).digest("hex") };
      this.#known.set(operation, script);
    }
    try {
      // Lists as they are: ioredis flattens them, and spreading them first would copy each twice.
      return await this.#client.evalshaBuffer(script.sha, keys.length, keys as never, args as never);
    } catch (cause) {
      if (!isReplyError(cause) || !cause.message.startsWith("NOSCRIPT")) throw cause;
      return await this.#client.evalBuffer(script.lua, keys.length, keys as never, args as never);
    }
  }
}

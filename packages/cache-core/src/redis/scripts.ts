import { createHash } from "node:crypto";
import type { AtomicArgument, AtomicOperation } from "../atomic-operation.ts";
import { type ClusterCommandClass, makeClusterCall } from "./cluster-call.ts";
import { compactLua } from "./compact-lua.ts";
import type { RedisLike } from "./redis-like.ts";
import { isReplyError } from "./reply-error.ts";
import { type Answer, type CommandClass, headOf, makeScriptCallClass } from "./script-call.ts";

interface Script {
  readonly lua: string;
  readonly sha: string;
  /** The beginning of its calls, for as many keys and values as the last one had. */
  head: string;
  keys: number;
  values: number;
}

/** What ioredis has and its types, or those of a caller's client, do not list. */
type Client = Required<Pick<RedisLike, "evalshaBuffer" | "evalBuffer">> & {
  sendCommand(command: object): unknown;
};

/** Runs the Lua of atomic operations by its hash, and sends it to a server that does not know it. */
export class Scripts {
  readonly #client: Client;
  readonly #ScriptCall: ReturnType<typeof makeScriptCallClass> | undefined;
  readonly #ClusterCommand: ClusterCommandClass | undefined;
  readonly #known = new Map<AtomicOperation, Script>();

  /**
   * `Command`: that of the ioredis which made the client, where calls need nothing else of it. `ClusterCommand`: the same, where the client
   * is a Cluster.
   */
  constructor(
    client: RedisLike,
    Command: CommandClass | undefined,
    ClusterCommand: ClusterCommandClass | undefined,
  ) {
    this.#client = client as RedisLike & Client;
    this.#ScriptCall = Command === undefined ? undefined : makeScriptCallClass(Command);
    this.#ClusterCommand = ClusterCommand;
  }

  run(
    operation: AtomicOperation,
    keys: readonly string[],
    values: readonly AtomicArgument[],
  ): Promise<unknown> {
    return answerOf((answer) => this.send(operation, keys, values, answer));
  }

  /** As `run`, but tells the answer as soon as it is read. */
  send(
    operation: AtomicOperation,
    keys: readonly string[],
    values: readonly AtomicArgument[],
    answer: Answer,
  ): void {
    const script = this.#known.get(operation) ?? this.#learn(operation);
    const onError = (cause: unknown): void => {
      if (!isReplyError(cause) || !cause.message.startsWith("NOSCRIPT")) answer.onError(cause);
      else this.#evaluate("eval", script.lua, keys, values).then(answer.onReply, answer.onError);
    };
    if (this.#ScriptCall === undefined) {
      this.#evaluate("evalsha", script.sha, keys, values).then(answer.onReply, onError);
      return;
    }
    if (script.keys !== keys.length || script.values !== values.length) {
      script.keys = keys.length;
      script.values = values.length;
      script.head = headOf(script.sha, keys.length, values.length);
    }
    const { promise, onReply } = answer;
    const { head, sha } = script;
    this.#client.sendCommand(new this.#ScriptCall(head, sha, keys, values, { promise, onReply, onError }));
  }

  /** Sends a script, or the hash of one, by a command of ioredis. */
  #evaluate(
    name: "evalsha" | "eval",
    script: string,
    keys: readonly string[],
    values: readonly AtomicArgument[],
  ): Promise<unknown> {
    if (this.#ClusterCommand !== undefined) {
      const call = makeClusterCall(this.#ClusterCommand, name, [script, keys.length, keys, values]);
      this.#client.sendCommand(call);
      return call.promise;
    }
    // Lists as they are: ioredis flattens them, and spreading them first would copy each twice.
    return this.#client[`${name}Buffer`](script, keys.length, keys as never, values as never);
  }

  #learn(operation: AtomicOperation): Script {
    const lua = compactLua(operation.lua);
    const sha = createHash("sha1").update(lua).digest("hex");
    const script = { lua, sha, head: "", keys: -1, values: -1 };
    this.#known.set(operation, script);
    return script;
  }
}

/** The answer to what is asked, as a promise. */
function answerOf(ask: (answer: Answer) => void): Promise<unknown> {
  let onReply!: Answer["onReply"];
  let onError!: Answer["onError"];
  const promise = new Promise<unknown>((resolve, reject) => {
    onReply = resolve;
    onError = reject;
  });
  ask({ promise, onReply, onError });
  return promise;
}

/** A command of ioredis, by shape. */
interface ClusterCommand {
  readonly promise: Promise<unknown>;
  reject: (cause: Error) => void;
  toWritable(socket: object): string | Buffer;
}

/** ioredis' own class of commands, by shape. */
export type ClusterCommandClass = new (
  name: string,
  args: readonly unknown[],
  options: { readonly replyEncoding: null },
) => ClusterCommand;

/** What ioredis says of a command whose connection was closed. */
const CLOSED = "Connection is closed.";

/**
 * Makes a command that a Cluster of ioredis runs at most once. By itself it replaces `reject` of each command and sends it again when the
 * connection to a node was closed, whether or not it had been written there: a hit would be counted twice. A command that was not written, or that a
 * node refused (`MOVED`, `ASK`, `TRYAGAIN`, `CLUSTERDOWN`), has not run and goes on to find its node.
 */
export function makeClusterCall(
  Command: ClusterCommandClass,
  name: "evalsha" | "eval",
  args: readonly unknown[],
): ClusterCommand {
  const command = new Command(name, args, { replyEncoding: null });
  const { reject, toWritable } = command;
  let isWritten = false;
  let current = reject;
  command.toWritable = (socket) => {
    isWritten = true;
    return toWritable.call(command, socket);
  };
  Object.defineProperty(command, "reject", {
    get: () => current,
    set(again: ClusterCommand["reject"]) {
      current = (cause) => {
        if (isWritten && cause.message === CLOSED) return reject(cause);
        isWritten = false;
        again(cause);
      };
    },
  });
  return command;
}

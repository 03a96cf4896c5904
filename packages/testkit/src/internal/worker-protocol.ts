/** From the parent: run a handler. */
export interface CallMessage {
  readonly kind: "call";
  readonly id: number;
  readonly name: string;
  readonly payload: unknown;
}

/** An error on its way between processes: what structured cloning would lose is spelled out. */
export interface WireError {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly code: unknown;
}

/** From the child: it is up, or what became of a call. */
export type WorkerMessage =
  | { readonly kind: "ready" }
  | { readonly kind: "result"; readonly id: number; readonly value: unknown }
  | { readonly kind: "error"; readonly id: number; readonly error: WireError };

/** Makes an error fit for the channel. */
export function toWire(error: unknown): WireError {
  if (!(error instanceof Error))
    return { name: "Error", message: String(error), stack: undefined, code: undefined };
  const code = "code" in error ? error.code : undefined;
  return { name: error.name, message: error.message, stack: error.stack, code };
}

/** The error again, with the stack of the process in which it was thrown. */
export function fromWire(wire: WireError): Error {
  const error = new Error(wire.message);
  error.name = wire.name;
  if (wire.stack !== undefined) error.stack = wire.stack;
  if (wire.code !== undefined) Object.assign(error, { code: wire.code });
  return error;
}

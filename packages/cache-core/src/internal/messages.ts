import { InvalidOptionError, UndefinedValueError, UnserializableValueError } from "../errors.ts";
import type { SubscribeOptions } from "../options.ts";
import { callHandler } from "./call-handler.ts";
import type { Shared } from "./shared.ts";

/** Sends a JSON message. Resolves to the number of receivers that the server knows. */
export async function publishMessage(
  shared: Shared,
  prefix: string,
  channel: string,
  message: unknown,
): Promise<number> {
  if (message === undefined) throw new UndefinedValueError({ channel });
  return shared.store.publish(prefix + channel, toJson(shared, message));
}

/** Listens on a channel; a handler that throws or rejects, or a text that is no JSON, is reported and stops nothing. */
export async function subscribeTo<T>(
  shared: Shared,
  prefix: string,
  channel: string,
  handler: (message: T) => void,
  options?: SubscribeOptions,
): Promise<() => Promise<void>> {
  if (typeof handler !== "function")
    throw new InvalidOptionError({
      option: "handler",
      received: handler,
      expected: "a function that takes a message",
    });
  const onGap = options?.onGap;
  if (onGap !== undefined && typeof onGap !== "function")
    throw new InvalidOptionError({ option: "options.onGap", received: onGap, expected: "a function" });
  const { logger, emitter } = shared;
  const onError = (error: unknown): void => {
    logger.warn({ err: error, channel }, "A message could not be read, or its handler failed");
    if (emitter.wants("background:error")) emitter.emit("background:error", { where: "subscribe", error });
  };
  const onMessage = (text: string): void => callHandler(() => handler(JSON.parse(text) as T), onError);
  return shared.store.subscribe(prefix + channel, onMessage, onGap);
}

function toJson(shared: Shared, message: unknown): string {
  // The codec refuses, with a path, what JSON would change in silence; channels carry plain JSON.
  const { codec } = shared.payloads;
  codec.encode(message);
  const paths = new WeakMap<object, string>();
  return JSON.stringify(message, function (this: object, name: string, value: unknown) {
    const holder = paths.get(this);
    const path =
      holder === undefined ? "$" : Array.isArray(this) ? `${holder}[${name}]` : `${holder}.${name}`;
    if (typeof value === "bigint") {
      throw new UnserializableValueError({
        path,
        kind: "type",
        what: "a BigInt, which a message cannot carry",
      });
    }
    if (typeof value === "object" && value !== null) paths.set(value, path);
    return value;
  });
}

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

/** Channels carry plain JSON. What the codec refuses, and what JSON would change in silence, is refused with a path; a `Date` arrives as text. */
function toJson(shared: Shared, message: unknown): string {
  shared.payloads.codec.encode(message);
  const paths = new WeakMap<object, string>();
  return JSON.stringify(message, function (this: object, name: string, value: unknown) {
    const holder = paths.get(this);
    const path =
      holder === undefined ? "$" : Array.isArray(this) ? `${holder}[${name}]` : `${holder}.${name}`;
    // Not what its `toJSON` has made of it.
    const lost = lostInJson((this as Record<string, unknown>)[name], this);
    if (lost !== undefined) {
      const what = `${lost}, which a message cannot carry`;
      throw new UnserializableValueError({ path, kind: "type", what });
    }
    if (typeof value === "object" && value !== null) paths.set(value, path);
    return value;
  });
}

function lostInJson(value: unknown, holder: object): string | undefined {
  if (typeof value === "bigint") return "a BigInt";
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  if (value === undefined && Array.isArray(holder)) return "undefined in an array";
  if (value instanceof Map) return "a Map";
  if (value instanceof Set) return "a Set";
  if (value instanceof RegExp) return "a RegExp";
  return ArrayBuffer.isView(value) ? "an array of bytes" : undefined;
}

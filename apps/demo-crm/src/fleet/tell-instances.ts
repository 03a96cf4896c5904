/** What one of several instances is told that all of them have to know. */
interface Message<T> {
  readonly toAll?: { readonly [topic: string]: T } | undefined;
}

/** A topic that instances share; one that is alone has nobody to tell. */
export interface Topic<T> {
  /** The others, through the process that holds them (`instances.ts`). */
  tell(value: T): void;
  close(): void;
}

/** Calls back with what another instance tells of a topic. */
export function shareTopic<T>(topic: string, onTold: (value: T) => void): Topic<T> {
  const onMessage = (message: unknown) => {
    const value = (message as Message<T> | null)?.toAll?.[topic];
    if (value !== undefined) onTold(value);
  };
  process.on("message", onMessage);
  return {
    tell: (value) => void process.send?.({ toAll: { [topic]: value } } satisfies Message<T>),
    close: () => void process.off("message", onMessage),
  };
}

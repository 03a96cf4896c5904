/** Calls a handler of somebody else. What it throws, or the promise that it returns rejects with, stops nobody: `onError` is told. */
export function callHandler<P extends unknown[]>(
  handler: (...payload: P) => unknown,
  onError: (error: unknown) => void,
  ...payload: P
): void {
  try {
    const result = handler(...payload);
    if (typeof (result as PromiseLike<unknown> | undefined)?.then === "function") {
      (result as PromiseLike<unknown>).then(undefined, onError);
    }
  } catch (error) {
    onError(error);
  }
}

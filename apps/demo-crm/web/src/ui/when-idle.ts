const AT_LATEST_MS = 2_000;

/** Calls it when the browser has nothing else to do. Returns what calls it off. */
export function whenIdle(then: () => void): () => void {
  // Safari has no such call.
  if (typeof requestIdleCallback !== "function") {
    const timer = setTimeout(then, AT_LATEST_MS);
    return () => clearTimeout(timer);
  }
  const idle = requestIdleCallback(then, { timeout: AT_LATEST_MS });
  return () => cancelIdleCallback(idle);
}

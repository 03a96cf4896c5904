import { type ReactNode, Suspense, useEffect, useRef, useState } from "react";
import { whenIdle } from "./when-idle.ts";

interface WhenOpenProps {
  readonly open: boolean;
  /** Loads what the children need. */
  readonly load: () => Promise<unknown>;
  readonly children: ReactNode;
}

/** What opens over the page: loaded when the browser has nothing else to do, and drawn from when it is first open. */
export function WhenOpen({ open, load, children }: WhenOpenProps) {
  const wasOpen = useRef(false);
  wasOpen.current ||= open;
  // Should it fail, whoever opens it is told.
  useEffect(() => whenIdle(() => void load().catch(() => {})), [load]);
  return wasOpen.current && <Suspense fallback={null}>{children}</Suspense>;
}

/** What nobody misses before the browser has nothing else to do. */
export function WhenIdle({ children }: { children: ReactNode }) {
  const [isIdle, setIdle] = useState(false);
  useEffect(() => whenIdle(() => setIdle(true)), []);
  return isIdle && <Suspense fallback={null}>{children}</Suspense>;
}

import { type ComponentType, createElement, lazy, Suspense, useEffect, useRef, useState } from "react";
import { whenIdle } from "./when-idle.ts";

type Load<Props> = () => Promise<{ default: ComponentType<Props> }>;

/** What opens over the page: loaded when the browser has nothing else to do, and shown from when it is first open. */
export function openedLater<Props extends { readonly open: boolean }>(load: Load<Props>) {
  const Loaded = lazy(load);
  return function OpenedLater(props: Props) {
    const wasOpen = useRef(false);
    wasOpen.current ||= props.open;
    // Should it fail, whoever opens it is told.
    useEffect(() => whenIdle(() => void load().catch(() => {})), []);
    return wasOpen.current && <Suspense fallback={null}>{createElement(Loaded, props)}</Suspense>;
  };
}

/** What nobody misses before the browser has nothing else to do. */
export function shownLater(load: Load<object>) {
  const Loaded = lazy(load);
  return function ShownLater() {
    const [isTime, setTime] = useState(false);
    useEffect(() => whenIdle(() => setTime(true)), []);
    return isTime && <Suspense fallback={null}>{createElement(Loaded)}</Suspense>;
  };
}

import { type ComponentType, createElement, lazy, Suspense, useState } from "react";
import { isDrawnInPieces, nextPiece } from "../first-draw.ts";

/**
 * The component, taken over from the page as it was served in a task of its own and not with everything else. What was served is seen
 * meanwhile, and cannot be used yet.
 */
export function inOwnTask(component: ComponentType): ComponentType {
  const Later = lazy(async () => {
    await nextPiece();
    return { default: component };
  });
  return function InOwnTask() {
    // Where nothing was served there is nothing to see meanwhile.
    const [shown] = useState(() => (isDrawnInPieces() ? Later : component));
    return <Suspense fallback={null}>{createElement(shown)}</Suspense>;
  };
}

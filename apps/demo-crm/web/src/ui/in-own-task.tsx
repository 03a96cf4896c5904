import { type ComponentType, lazy, type ReactNode, Suspense, useState } from "react";
import { isDrawnInPieces, nextPiece } from "../first-draw.ts";

/** The component, for `Piece`: there in a task of its own. */
export const inOwnTask = (component: ComponentType) =>
  lazy(async () => {
    await nextPiece();
    return { default: component };
  });

/**
 * A piece of the page that is taken over in a task of its own and not with everything else. What was served is seen meanwhile, and cannot
 * be used yet; where nothing was served, it is drawn at once.
 */
export function Piece({ later, children }: { later: ReactNode; children: ReactNode }) {
  const [isLater] = useState(isDrawnInPieces);
  return <Suspense fallback={null}>{isLater ? later : children}</Suspense>;
}

const drawn = Promise.withResolvers<void>();
let isDrawn = false;
let isInPieces = false;
let piece = Promise.resolve();
let answer = drawn.promise;

/** The next task of the browser: what is clicked or typed meanwhile comes before it. */
export const nextTask = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

/** Called before the app is drawn where it takes over a page as it was served, and where that is made. */
export function drawInPieces(): void {
  isInPieces = true;
}

export const isDrawnInPieces = (): boolean => isInPieces;

/** A task for a piece of the page, after those that asked before: all in one would take a telephone as long as people notice. */
export function nextPiece(): Promise<void> {
  piece = piece.then(nextTask);
  return piece;
}

/** All pieces are drawn: the app has taken over the page as it was served. */
export async function firstDrawn(): Promise<void> {
  await nextPiece();
  isDrawn = true;
  drawn.resolve();
}

/**
 * What was served was drawn without data, and is taken over without: so no answer may be there before (`ask`). Those that came before go on
 * in a task of its own each.
 */
export async function afterFirstDraw(): Promise<void> {
  if (isDrawn) return;
  answer = answer.then(nextTask);
  await answer;
}

/** Counts who uses something; ends it with the last user. */
export function retention(end: () => Promise<void>): () => () => Promise<void> {
  let users = 0;
  return () => {
    users++;
    let released = false;
    return async () => {
      if (released) return;
      released = true;
      users--;
      if (users === 0) await end();
    };
  };
}

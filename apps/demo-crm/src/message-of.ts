/** What an error says. One of several attempts (`localhost` with two addresses) has nothing but a code. */
export const messageOf = (error: unknown): string =>
  error instanceof Error
    ? error.message || String((error as NodeJS.ErrnoException).code ?? error.name)
    : String(error);

/** One session with the database, as the relay needs it. `connectPg` and `connectPglite` make them. */
export interface OutboxConnection {
  /**
   * Whether the application's own queries run in this session too, as in PGlite. Then the relay opens no transaction of
   * its own, and must be the only one of its outbox.
   */
  readonly shared: boolean;
  /** Rows as objects. Only text comes back: every query casts, so type parsers of the client play no part. */
  query(text: string, params?: unknown[]): Promise<{ readonly rows: readonly Record<string, unknown>[] }>;
  /** Resolves once `LISTEN` is in force. */
  listen(channel: string, onNotify: () => void): Promise<void>;
  /** Tells once that the session is gone. */
  onLost(handler: (error: unknown) => void): void;
  /** Ends the session, also when the server does not answer. Never rejects. */
  end(): Promise<void>;
}

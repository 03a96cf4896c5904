import type { EventNames } from "@crm/cache-core";
import type { EntityEvent } from "./invalidation-target.ts";

/** A row of the outbox. */
export interface OutboxRow extends EntityEvent {
  /** Its number, as text: it may exceed what a double holds. Order of numbers is not order of commits. */
  readonly id: string;
  /** Failed tries that counted so far. */
  readonly attempts: number;
  /** Milliseconds since it was written, by the server's clock. */
  readonly ageMs: number;
}

/** The events of a relay. */
export interface RelayEvents {
  /** The invalidation is in force and the row has left the outbox. */
  "row:delivered": { readonly row: OutboxRow };
  /** A try failed. It is tried again after `delayMs`; `counted` when it brings the row nearer to its end. */
  "row:failed": {
    readonly row: OutboxRow;
    readonly error: unknown;
    readonly delayMs: number;
    readonly counted: boolean;
  };
  /** The row failed `maxAttempts` times and lies in the table of the dead until somebody looks at it. */
  "row:dead": { readonly row: OutboxRow; readonly error: unknown };
  /** The session stands, `LISTEN` included: what was written meanwhile is delivered now. */
  "relay:up": { readonly downMs: number };
  /** The session is gone, or could not be opened; tried again after `delayMs`. */
  "relay:down": { readonly error: unknown; readonly delayMs: number };
  /** More than `maxBacklog` rows wait. Told at most every 10 s. */
  "backlog:high": { readonly pending: number; readonly oldestAgeMs: number };
}

/** The names of the events, for who calls from JavaScript. */
export const RELAY_EVENTS: EventNames<RelayEvents> = {
  "row:delivered": true,
  "row:failed": true,
  "row:dead": true,
  "relay:up": true,
  "relay:down": true,
  "backlog:high": true,
};

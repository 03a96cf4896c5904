import { MIGRATION_LOCK, type OutboxTableOptions, resolveOutboxTable } from "./outbox-table.ts";

/**
 * The SQL that makes the outbox: one statement for any client, from PostgreSQL 14. It may run at every start and in
 * several processes at once; what is there already is left alone, without a lock on the table.
 *
 * Whoever can insert into the table takes part, in plain SQL as well:
 * ```sql
 * INSERT INTO public.cache_outbox (event, entity_type, entity_id) VALUES ('entity:updated', 'companies', '42');
 * ```
 *
 * A commit that carries a `NOTIFY` takes a lock of the whole server until it is on disk. So the trigger rings only while
 * somebody sleeps: a sleeping relay holds an advisory lock, writers try to share it. A writer who gets it keeps it until
 * its transaction has ended, and no relay falls asleep meanwhile; one who does not get it wakes the sleeper. Nobody waits
 * for the lock. A session that is writer and relay at once (PGlite) cannot exclude itself, and tells by a setting.
 *
 * @throws InvalidOptionError
 */
export function outboxMigration(options: OutboxTableOptions = {}): string {
  const { schema, table, pending, dead, delivered, channel, bellKey } = resolveOutboxTable(options);
  const columns = `
    event text NOT NULL,
    entity_type text NOT NULL,
    entity_id text NOT NULL,
    data jsonb,
    actor text,
    cause text,
    created_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    attempts integer NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL DEFAULT '-infinity',
    last_error text`;
  return `DO $migration$
BEGIN
  PERFORM ${MIGRATION_LOCK};
  IF pg_catalog.to_regclass('${pending}') IS NULL THEN
    CREATE TABLE ${pending} (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,${columns},
    CONSTRAINT ${table}_event CHECK (event IN ('entity:created', 'entity:updated', 'entity:deleted')),
    CONSTRAINT ${table}_entity CHECK (entity_type <> '' AND entity_id <> '')
    ) WITH (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 5000, fillfactor = 80);
  END IF;
  IF pg_catalog.to_regclass('${dead}') IS NULL THEN
    CREATE TABLE ${dead} (
    id bigint PRIMARY KEY,${columns},
    died_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
    );
  END IF;
  IF pg_catalog.to_regclass('${delivered}') IS NULL THEN
    CREATE TABLE ${delivered} (
    id bigint PRIMARY KEY,${columns},
    delivered_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
    );
    CREATE INDEX ${table}_delivered_at ON ${delivered} (delivered_at);
  END IF;
  IF NOT EXISTS (
    SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = '${pending}'::regclass AND tgname = '${table}_ring'
  ) THEN
    CREATE OR REPLACE FUNCTION ${schema}.${table}_ring() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $ring$
    BEGIN
      IF pg_catalog.current_setting('crm_cache_outbox.asleep', true) = 'yes'
        OR NOT pg_catalog.pg_try_advisory_xact_lock_shared(${bellKey})
      THEN
        PERFORM pg_catalog.pg_notify('${channel}', '');
      END IF;
      RETURN NULL;
    END
    $ring$;
    CREATE TRIGGER ${table}_ring AFTER INSERT ON ${pending}
      FOR EACH STATEMENT EXECUTE FUNCTION ${schema}.${table}_ring();
  END IF;
END
$migration$`;
}

CREATE TABLE "figure_copies" (
	"figure" text PRIMARY KEY NOT NULL,
	"version" bigint NOT NULL,
	"rows" json NOT NULL
);
--> statement-breakpoint
CREATE TABLE "figures_version" (
	"version" bigint NOT NULL,
	"acknowledged" bigint NOT NULL,
	"moved_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
INSERT INTO "figures_version" ("version", "acknowledged") VALUES (1, 1);
--> statement-breakpoint
-- Once a transaction, and when it commits: it holds this row for the moment of the commit alone, and waits for no other one while it does.
CREATE FUNCTION "figures_moved"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('crm.figures_moved', true) IS DISTINCT FROM pg_current_xact_id()::text THEN
    PERFORM set_config('crm.figures_moved', pg_current_xact_id()::text, true);
    UPDATE figures_version SET version = version + 1, moved_at = clock_timestamp();
  END IF;
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE CONSTRAINT TRIGGER "deals_move_figures" AFTER INSERT OR DELETE OR UPDATE OF stage, engage_date, close_date, close_value, company_id, user_id, product_id ON "deals"
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION "figures_moved"();
--> statement-breakpoint
CREATE CONSTRAINT TRIGGER "companies_move_figures" AFTER INSERT OR DELETE OR UPDATE OF sector ON "companies"
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION "figures_moved"();
--> statement-breakpoint
CREATE CONSTRAINT TRIGGER "users_move_figures" AFTER INSERT OR DELETE OR UPDATE OF name, manager, office ON "users"
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION "figures_moved"();
--> statement-breakpoint
CREATE CONSTRAINT TRIGGER "products_move_figures" AFTER INSERT OR DELETE OR UPDATE OF list_price ON "products"
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION "figures_moved"();

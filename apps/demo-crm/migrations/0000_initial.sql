CREATE TABLE "companies" (
	"id" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"sector" text NOT NULL,
	"sector_raw" text,
	"year_established" integer,
	"revenue_millions" numeric(12, 2),
	"employees" integer,
	"country" text,
	"country_raw" text,
	"parent_company_id" text,
	"version" integer DEFAULT 1 NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "deals" (
	"id" text PRIMARY KEY NOT NULL,
	"user_id" text NOT NULL,
	"product_id" text NOT NULL,
	"product_raw" text,
	"company_id" text,
	"stage" text NOT NULL,
	"engage_date" date,
	"close_date" date,
	"close_value" integer,
	"version" integer DEFAULT 1 NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "deals_closed_have_date_and_value" CHECK (("deals"."stage" in ('Won', 'Lost')) = ("deals"."close_date" is not null)
        and ("deals"."close_date" is null) = ("deals"."close_value" is null))
);
--> statement-breakpoint
CREATE TABLE "import_runs" (
	"fingerprint" text PRIMARY KEY NOT NULL,
	"finished_at" timestamp with time zone DEFAULT now() NOT NULL,
	"report" jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "products" (
	"id" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"series" text NOT NULL,
	"list_price" integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE "users" (
	"id" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"manager" text NOT NULL,
	"office" text NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "companies" ADD CONSTRAINT "companies_parent_company_id_companies_id_fk" FOREIGN KEY ("parent_company_id") REFERENCES "public"."companies"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "deals" ADD CONSTRAINT "deals_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "deals" ADD CONSTRAINT "deals_product_id_products_id_fk" FOREIGN KEY ("product_id") REFERENCES "public"."products"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "deals" ADD CONSTRAINT "deals_company_id_companies_id_fk" FOREIGN KEY ("company_id") REFERENCES "public"."companies"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "companies_sector" ON "companies" USING btree ("sector");--> statement-breakpoint
CREATE INDEX "companies_parent" ON "companies" USING btree ("parent_company_id");--> statement-breakpoint
CREATE INDEX "deals_company" ON "deals" USING btree ("company_id");--> statement-breakpoint
CREATE INDEX "deals_user" ON "deals" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "deals_product" ON "deals" USING btree ("product_id");--> statement-breakpoint
CREATE INDEX "deals_stage" ON "deals" USING btree ("stage");--> statement-breakpoint
CREATE INDEX "deals_recent" ON "deals" USING btree ("engage_date" desc nulls last,"id");
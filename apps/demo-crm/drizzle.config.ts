// For `pnpm dlx drizzle-kit generate`, after a change of the schema. The app itself never loads this file.
export default { dialect: "postgresql", schema: "./src/db/schema.ts", out: "./migrations" };

export * from "./tables/imported.ts";
export * from "./tables/operations.ts";
export * from "./tables/work.ts";

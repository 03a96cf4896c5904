import { join } from "node:path";
import { findAppRoot } from "./app-root.ts";
import { type Connection, connect } from "./db/connect.ts";
import type { DemoSettings } from "./read-settings.ts";

/** The database that the settings name. */
export const connectDemo = ({
  databaseUrl,
  databaseTemplate,
  persist,
}: Pick<DemoSettings, "databaseUrl" | "databaseTemplate" | "persist">): Promise<Connection> =>
  connect({
    url: databaseUrl,
    dataDir: persist ? join(findAppRoot(), ".data") : undefined,
    template: databaseTemplate,
  });

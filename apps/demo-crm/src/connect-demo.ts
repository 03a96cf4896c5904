import { join } from "node:path";
import { findAppRoot } from "./app-root.ts";
import { type Connection, connect } from "./db/connect.ts";
import { messageOf } from "./message-of.ts";
import { type DemoSettings, SettingsError } from "./read-settings.ts";

/** The database that the settings name. @throws {SettingsError} that of a URL cannot be used */
export const connectDemo = ({
  databaseUrl,
  databaseTemplate,
  persist,
}: Pick<DemoSettings, "databaseUrl" | "databaseTemplate" | "persist">): Promise<Connection> =>
  connect({
    url: databaseUrl,
    dataDir: persist ? join(findAppRoot(), ".data") : undefined,
    template: databaseTemplate,
  }).catch((error: unknown) => {
    if (databaseUrl === undefined) throw error;
    throw new SettingsError(`The database of DATABASE_URL cannot be used: ${messageOf(error)}`, {
      cause: error,
    });
  });

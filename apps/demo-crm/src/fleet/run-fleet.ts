import type { Logger } from "pino";
import { provideCacheSettings } from "../cache/settings.ts";
import { connectDemo } from "../connect-demo.ts";
import type { DemoSettings } from "../read-settings.ts";
import type { RunningDemo } from "../serve-demo.ts";
import type { Terminal } from "../terminal/show-import.ts";
import { startInstances } from "./instances.ts";
import { type Environment, provideRedis } from "./provide-redis.ts";
import { serveEmbedded } from "./serve-embedded.ts";

export interface FleetOptions {
  readonly settings: DemoSettings;
  readonly logger: Logger;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
  readonly env: Environment;
}

/**
 * Several instances of the demo behind one port, over one Redis and one database. This process does what is to be done once, and
 * then holds them: it serves nothing itself.
 */
export async function runFleet({
  settings,
  logger,
  terminal,
  signal,
  env,
}: FleetOptions): Promise<RunningDemo> {
  const closers: (() => Promise<void>)[] = [];
  const closeAll = async () => {
    for (const close of closers.reverse())
      await close().catch((error: unknown) => logger.error({ err: error }, "closing failed"));
  };
  try {
    const redis = await provideRedis(env);
    closers.push(redis.close);
    const { databaseUrl, instances: count, invalidation } = settings;
    terminal.write(
      `Starting ${count} instances: ${databaseUrl ? "Postgres at DATABASE_URL" : "embedded Postgres, which they share"}, ${redis.label}\n`,
    );
    const connection = await connectDemo(settings);
    closers.push(() => connection.close());
    signal.throwIfAborted();
    provideCacheSettings({ env: redis.env, logger, invalidation });
    // Imported now: the composition root is made from what was just provided.
    const { closeCache } = await import("../cache/index.ts");
    const { prepareDemo } = await import("../prepare-demo.ts");
    const password = await prepareDemo({ terminal, demoPassword: settings.demoPassword, signal }).finally(
      closeCache,
    );

    const url = databaseUrl ?? (await serve());
    async function serve(): Promise<string> {
      const served = await serveEmbedded(connection.embedded as NonNullable<typeof connection.embedded>);
      closers.push(served.close);
      return served.url;
    }
    const instances = await startInstances({
      ...{ count, logger, signal, settings, terminal },
      args: settings.loadSeconds > 0 ? ["--load", "--seconds", String(settings.loadSeconds)] : [],
      env: {
        ...(Object.fromEntries(
          Object.entries(redis.env).filter(([name]) => name.startsWith("REDIS_")),
        ) as Record<string, string>),
        ...{ DATABASE_URL: url, DEMO_PASSWORD: password },
        ...(databaseUrl === undefined
          ? { DEMO_DATABASE: `${connection.label}, shared by ${count} instances` }
          : {}),
      },
    });
    closers.push(instances.close);
    return { url: instances.url, close: closeAll };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

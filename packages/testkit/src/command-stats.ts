/** What is needed of a client: one connection to one server. For a cluster, one client a node. */
export interface StatsClient {
  info(section: string): Promise<string>;
  config(subcommand: "RESETSTAT"): Promise<unknown>;
}

/** Calls by command, in lower case; subcommands as Redis writes them, e.g. `config|set`. */
export type CommandStats = ReadonlyMap<string, number>;

/**
 * How often each command ran since the server started or since {@link resetCommandStats}, by `INFO commandstats`.
 * Commands inside a script count too. Several clients (the nodes of a cluster) are added up.
 *
 * @example
 * ```ts
 * const before = await commandStats(client);
 * await cache.get("companies:1");
 * expect(diffCommandStats(before, await commandStats(client))).toEqual(new Map([["get", 1]]));
 * ```
 */
export async function commandStats(clients: StatsClient | readonly StatsClient[]): Promise<CommandStats> {
  const stats = new Map<string, number>();
  for (const section of await Promise.all(list(clients).map((client) => client.info("commandstats")))) {
    for (const [, command, calls] of section.matchAll(/^cmdstat_(.+?):calls=(\d+)/gm)) {
      stats.set(command!, (stats.get(command!) ?? 0) + Number(calls));
    }
  }
  return stats;
}

/** What ran between two readings, without commands that did not, and without the reading itself (`INFO`). */
export function diffCommandStats(before: CommandStats, after: CommandStats): Map<string, number> {
  const difference = new Map<string, number>();
  for (const [command, calls] of after) {
    const more = calls - (before.get(command) ?? 0);
    if (more > 0 && command !== "info") difference.set(command, more);
  }
  return difference;
}

/** `CONFIG RESETSTAT`: the counters start from zero, for everybody who looks at this server. */
export async function resetCommandStats(clients: StatsClient | readonly StatsClient[]): Promise<void> {
  await Promise.all(list(clients).map((client) => client.config("RESETSTAT")));
}

function list(clients: StatsClient | readonly StatsClient[]): readonly StatsClient[] {
  return Array.isArray(clients) ? clients : [clients as StatsClient];
}

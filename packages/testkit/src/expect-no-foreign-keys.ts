/** A client of one server. */
export interface ScanClient {
  scan(cursor: string, count: "COUNT", size: number): Promise<[cursor: string, keys: string[]]>;
}

/** A client of a cluster, which is asked node by node. */
export interface ScanClusterClient {
  nodes(role: "master"): readonly ScanClient[];
}

/** How many culprits the message names. */
const NAMED = 10;

/**
 * Fails if the server (or any primary of the cluster) has a key that does not begin with `prefix`, or with one of several.
 *
 * @example
 * ```ts
 * afterEach(() => expectNoForeignKeys(client, "{crm-test-7}"));
 * ```
 */
export async function expectNoForeignKeys(
  client: ScanClient | ScanClusterClient,
  prefix: string | readonly string[],
): Promise<void> {
  const prefixes = typeof prefix === "string" ? [prefix] : prefix;
  const servers = "nodes" in client ? client.nodes("master") : [client];
  const foreign: string[] = [];
  for (const server of servers) {
    let cursor = "0";
    do {
      const [next, keys] = await server.scan(cursor, "COUNT", 1_000);
      foreign.push(...keys.filter((key) => !prefixes.some((each) => key.startsWith(each))));
      cursor = next;
    } while (cursor !== "0");
  }
  if (foreign.length === 0) return;
  const unique = [...new Set(foreign)].sort();
  const named = unique.slice(0, NAMED).map((key) => `  ${JSON.stringify(key)}`);
  const more = unique.length > NAMED ? [`  and ${unique.length - NAMED} more`] : [];
  throw new Error(
    [
      `${unique.length} keys outside ${prefixes.map((each) => `"${each}"`).join(", ")}:`,
      ...named,
      ...more,
    ].join("\n"),
  );
}

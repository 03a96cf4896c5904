/** The configuration file of one sentinel. Sentinels have no option for it: they must be able to rewrite a file. */
export function sentinelConfig(options: {
  readonly name: string;
  readonly primary: { readonly host: string; readonly port: number };
  readonly password: string | undefined;
  readonly downAfterMs: number;
  readonly quorum: number;
}): string {
  const { name, primary, password, downAfterMs, quorum } = options;
  return [
    `sentinel monitor ${name} ${primary.host} ${primary.port} ${quorum}`,
    `sentinel down-after-milliseconds ${name} ${downAfterMs}`,
    // Also decides how soon a failed attempt is repeated, and by another sentinel (twice this).
    `sentinel failover-timeout ${name} ${Math.max(2_000, downAfterMs * 4)}`,
    `sentinel parallel-syncs ${name} 2`,
    ...(password === undefined ? [] : [`sentinel auth-pass ${name} ${password}`]),
    "",
  ].join("\n");
}

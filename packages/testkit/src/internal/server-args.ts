/** A value of a Redis directive; an array becomes several words. */
export type ConfigValue = string | number | readonly (string | number)[];

/** Directives by name, as in `redis.conf`. */
export type RedisConfig = Readonly<Record<string, ConfigValue>>;

/** The arguments of a server that is made for tests: nothing on disk unless it is asked for. */
export function serverArgs(options: {
  readonly persist: boolean;
  readonly password: string | undefined;
  readonly config: RedisConfig;
}): string[] {
  const directives: RedisConfig = {
    save: "",
    // "always", since a server that is killed must come back with what it acknowledged.
    ...(options.persist ? { appendonly: "yes", appendfsync: "always" } : { appendonly: "no" }),
    ...(options.password === undefined
      ? {}
      : { requirepass: options.password, masterauth: options.password }),
    "enable-debug-command": "yes",
    ...options.config,
  };
  return toArgs(directives);
}

/** `{ maxmemory: "8mb" }` → `["--maxmemory", "8mb"]`. */
export function toArgs(config: RedisConfig): string[] {
  return Object.entries(config).flatMap(([name, value]) => {
    const words = Array.isArray(value) ? value : [value];
    return [`--${name}`, ...words.map(String)];
  });
}

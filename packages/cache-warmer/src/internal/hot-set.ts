import type { HotSnapshotKey } from "../hot-snapshot.ts";
import type { HotKeys } from "./hot-keys.ts";

/** The keys that are read most, as a snapshot holds them. `prefix`: of the cache that is warmed. */
export function hotSet(
  hot: HotKeys,
  count: number,
  prefix: string,
  familyOf: (key: string) => string | undefined,
): HotSnapshotKey[] {
  return hot.sketch.top(count).map(({ key: { name, key }, reads }) => {
    const scope = scopeNames(name.slice(prefix.length, name.length - key.length));
    const family = scope.length === 0 ? familyOf(key) : undefined;
    return {
      ...{ key, reads },
      ...(scope.length === 0 ? {} : { scope }),
      ...(family === undefined ? {} : { family }),
    };
  });
}

/** The names in what a nested scope puts before keys. */
function scopeNames(prefix: string): string[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they part the names of scopes.
  return prefix.split(/[\u001e\u001f]/).filter((name) => name !== "");
}

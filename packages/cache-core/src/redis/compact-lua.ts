/**
 * A script without indentation and comment lines: the server keeps the source of every script that it has seen. The
 * scripts of this toolkit have no strings over several lines.
 */
export function compactLua(lua: string): string {
  const [first = "", ...rest] = lua.split("\n");
  const lines = rest.map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("--"));
  return first.startsWith("#!") ? [first, ...lines].join("\n") : [first.trim(), ...lines].join("\n").trim();
}

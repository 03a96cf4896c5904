import { InvalidOptionError } from "../errors.ts";

const WORD = /^[A-Za-z][A-Za-z_-]{0,31}$/;
const PLACEHOLDER = /^\{[A-Za-z][A-Za-z0-9_-]{0,31}\}$/;
const MAX_SEGMENTS = 8;

/**
 * The template of a key by its segments, which `:` separates: what consists of letters, `-` and `_` alone stays, anything
 * else becomes `{id}`: `companies:42:deals` is `companies:{id}:deals`. Ids that are words need `keyTemplates`, or a
 * function of your own. `undefined` for a key without a word at its beginning, or with more than 8 segments.
 */
export function templateFromSegments(key: string): string | undefined {
  const segments = key.split(":", MAX_SEGMENTS + 1);
  if (segments.length > MAX_SEGMENTS || !WORD.test(segments[0] as string)) return undefined;
  return segments.map((segment) => (WORD.test(segment) ? segment : "{id}")).join(":");
}

interface Node {
  readonly words: Map<string, Node>;
  any: Node | undefined;
  template: string | undefined;
  /** Of a template that ends with `*`. */
  rest: string | undefined;
}

const createNode = (): Node => ({ words: new Map(), any: undefined, template: undefined, rest: undefined });

/**
 * Makes the function that finds a key's template among those given. Segments are separated by `:`; `{name}` stands for any
 * one segment, and `*`, as the last one, for one or more. A word goes before a placeholder, and a placeholder before `*`.
 * A key that none describes has no template. Finding takes O(segments), however many templates there are.
 *
 * ```ts
 * keyTemplates(["companies:{id}", "companies:{id}:deals-summary", "companies:list:*"])("companies:konex"); // "companies:{id}"
 * ```
 * @throws InvalidOptionError
 */
export function keyTemplates(templates: readonly string[]): (key: string) => string | undefined {
  const root = createNode();
  const list: readonly unknown[] = Array.isArray(templates) ? templates : [templates];
  list.forEach((template, at) => {
    add(root, template, `templates[${at}]`);
  });
  return (key) => find(root, key.split(":"), 0);
}

function add(root: Node, template: unknown, option: string): void {
  const segments = typeof template === "string" && template.length <= 200 ? template.split(":") : [""];
  let node = root;
  segments.forEach((segment, at) => {
    if (segment === "*" && at > 0 && at === segments.length - 1) {
      node.rest = template as string;
      return;
    }
    const isPlaceholder = PLACEHOLDER.test(segment);
    if (!isPlaceholder && !/^[^{}*\p{C}]+$/u.test(segment)) {
      throw new InvalidOptionError({
        option,
        received: template,
        expected: "segments between `:` that are text or `{name}`, the last one also `*`",
        advice: "For example `companies:{id}` or `companies:list:*`.",
      });
    }
    if (isPlaceholder) {
      node.any ??= createNode();
      node = node.any;
    } else {
      const next = node.words.get(segment) ?? createNode();
      node.words.set(segment, next);
      node = next;
    }
    if (at === segments.length - 1) node.template = template as string;
  });
}

function find(node: Node, segments: readonly string[], at: number): string | undefined {
  if (at === segments.length) return node.template;
  const word = node.words.get(segments[at] as string);
  return (
    (word && find(word, segments, at + 1)) ?? (node.any && find(node.any, segments, at + 1)) ?? node.rest
  );
}

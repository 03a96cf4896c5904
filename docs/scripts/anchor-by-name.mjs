/**
 * typedoc and VitePress number equal headings differently, and the numbers change with every export. An export is found by its
 * name instead: `cache-core.html#CacheStats`.
 *
 * @param {string} text a page of the reference
 * @returns {string}
 */
export function anchorByName(text) {
  // A constant and the type of the same name are one export: its first heading has the name.
  const named = new Set();
  return text
    .replace(/^## (\w+)(\(\))?$/gm, (heading, name) => {
      if (named.has(name)) return heading;
      named.add(name);
      return `${heading} {#${name}}`;
    })
    .replace(
      /\[(`?)(\w+)`?\]\(([\w-]+\.md)?#[\w-]+\)/g,
      (_, tick, name, page = "") => `[${tick}${name}${tick}](${page}#${name})`,
    );
}

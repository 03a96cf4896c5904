/**
 * @param {readonly { page: string, text: string }[]} pages of the reference
 * @returns {Map<string, string>} where each class of errors is described, the package that owns it first
 */
export function errorsOf(pages) {
  const found = new Map();
  for (const { page, text } of pages) {
    for (const [, name = ""] of text.matchAll(/^## (\w+Error) \{#\1\}\n\n(?!Re-exports)/gm)) {
      if (!found.has(name)) found.set(name, page);
    }
  }
  return found;
}

/**
 * Makes links of the errors that comments name: in backticks, or after "Throws". Signatures, headings and code stay.
 *
 * @param {string} text a page of the reference
 * @param {string} page its name
 * @param {ReadonlyMap<string, string>} errors
 * @returns {string}
 */
export function linkErrors(text, page, errors) {
  let inCode = false;
  let afterThrows = false;
  const link = (/** @type {string} */ whole, /** @type {string} */ name) => {
    const target = errors.get(name);
    return target === undefined ? whole : `[\`${name}\`](${target === page ? "" : target}#${name})`;
  };
  return text
    .split("\n")
    .map((line) => {
      if (line.startsWith("```")) inCode = !inCode;
      if (inCode || line === "" || line.startsWith(">")) return line;
      if (line.startsWith("#")) {
        afterThrows = /^#+ Throws$/.test(line);
        return line;
      }
      return afterThrows
        ? line.replace(/(?<![[\w`])(\w+Error)\b(?![`\w])/g, link)
        : line.replace(/(?<!\[)`(\w+Error)`/g, link);
    })
    .join("\n");
}

const VALUE = /^(?:["'\d[{-]|(?:true|false|null|undefined|Infinity)\b|[\w.]+\([^ ]*\)$|[A-Z_]+$)/;

/**
 * A default and the errors of a function are a line each. typedoc gives them headings, and defaults a block of code, even where
 * they are words.
 *
 * @param {string} text a page of the reference
 * @returns {string}
 */
export function inlineTags(text) {
  return text
    .replace(/^#+ Default\n\n```ts\n(.*)\n```$/gm, (_, value) =>
      VALUE.test(value) ? `**Default:** \`${value}\`` : `**Default:** ${value}`,
    )
    .replace(/^#+ (Default|Throws)\n\n(?!```)/gm, "**$1:** ");
}

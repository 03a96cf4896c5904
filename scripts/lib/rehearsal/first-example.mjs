import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * @typedef {object} Example
 * @property {string} code
 * @property {string[]} prints what it says that it prints: the comment behind each `console.log`
 * @property {string[]} installs the packages that the README says to install for it
 */

/**
 * The first program of a README, which a stranger would copy, and the line that says what to install.
 *
 * @param {string} directory of the package
 * @returns {Example}
 */
export function firstExample(directory) {
  const text = readFileSync(join(directory, "README.md"), "utf8");
  const code = /^```ts run\n([\s\S]*?)^```/m.exec(text)?.[1];
  if (!code) throw new Error(`${directory}/README.md has no block that begins with \`\`\`ts run`);
  const prints = [...code.matchAll(/^\s*console\.log\(.*\); \/\/ (.+)$/gm)].map((match) => String(match[1]));
  if (prints.length === 0)
    throw new Error(`the first example of ${directory}/README.md says nowhere what it prints`);
  const installs = /^`npm install ([^`]+)`/m.exec(text)?.[1]?.split(" ");
  if (!installs)
    throw new Error(`${directory}/README.md has no line that begins with \`npm install <package>\``);
  return { code, prints, installs };
}

import { MANAGERS, RESOLUTION_NAMES } from "./consumer.mjs";
import { NODES, TYPESCRIPTS } from "./toolbox.mjs";

/**
 * One folder of a consumer, and what is tried in it.
 *
 * @typedef {object} Cell
 * @property {string} name of the package
 * @property {"npm" | "pnpm"} manager
 * @property {string[]} nodes
 * @property {{ typescript: string, resolution: "nodenext" | "bundler" }[]} checks
 */

/**
 * Every package with every package manager, Node, TypeScript and resolution.
 *
 * @param {readonly string[]} names
 * @returns {Cell[]}
 */
export function allCells(names) {
  const checks = TYPESCRIPTS.flatMap((typescript) =>
    RESOLUTION_NAMES.map((resolution) => ({ typescript, resolution })),
  );
  return names.flatMap((name) => MANAGERS.map((manager) => ({ name, manager, nodes: NODES, checks })));
}

/**
 * A diagonal: every package once, and each of the others at least once over all of them. With six packages each pair of a
 * package manager and a Node occurs once, and so does each pair of a TypeScript and a resolution.
 *
 * @param {readonly string[]} names
 * @returns {Cell[]}
 */
export function diagonalCells(names) {
  return names.map((name, i) => ({
    name,
    manager: at(MANAGERS, i),
    nodes: [at(NODES, i)],
    checks: [
      {
        typescript: at(TYPESCRIPTS, Math.floor(i / 2)),
        resolution: at(RESOLUTION_NAMES, i + Math.floor(i / 2)),
      },
    ],
  }));
}

/**
 * @template T
 * @param {readonly T[]} list
 * @param {number} index
 * @returns {T}
 */
function at(list, index) {
  return /** @type {T} */ (list[index % list.length]);
}

export const find = (id) => document.getElementById(id);

/** An element with its content. Text is always set as text: nothing of the data is ever parsed as HTML. */
export function make(tag, attributes = {}, ...content) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") element.className = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value);
  }
  element.append(...content.map((part) => (part instanceof Node ? part : String(part))));
  return element;
}

/** Pairs of term and description. */
export function facts(pairs, className = "facts") {
  return make(
    "dl",
    { class: className },
    ...pairs.map(([term, value]) => make("div", {}, make("dt", {}, term), make("dd", {}, value))),
  );
}

export const whole = (value) => (value === null || value === undefined ? "–" : value.toLocaleString("en-US"));

const CENTS = { minimumFractionDigits: 2, maximumFractionDigits: 2 };
export const money = (value) => (value === null ? "–" : value.toLocaleString("en-US", CENTS));

export const percent = (share, digits = 1) =>
  share === null || share === undefined ? "–" : `${(share * 100).toFixed(digits)}%`;

/** Three figures are what a timer of a busy machine is good for. */
export function milliseconds(ms) {
  if (ms === null || ms === undefined || Number.isNaN(ms)) return "–";
  if (ms < 0.1) return `${Math.round(ms * 1000)} µs`;
  return `${ms < 10 ? ms.toFixed(2) : ms < 100 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

export function times(ratio) {
  return ratio === null || !Number.isFinite(ratio)
    ? "–"
    : `${ratio < 10 ? ratio.toFixed(1) : Math.round(ratio)}×`;
}

/** Shows in a chip how the cache took part in an answer. */
export function showCache(chip, { cache, serverMs }) {
  chip.textContent = `${cache ? `cache ${cache}` : "no cache read"} · ${milliseconds(serverMs)} in the server`;
  chip.className = `chip ${cache?.includes("miss") ? "miss" : cache ? "hit" : ""}`;
}

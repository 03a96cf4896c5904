import { ask } from "./api.js";
import { find, make, milliseconds, times } from "./dom.js";

// `wide`: not on a phone.
const COLUMNS = [
  ["Read", ""],
  ["log scale", "wide"],
  ["Hit", "number"],
  ["Miss", "number wide"],
  ["Without", "number"],
  ["Faster", "number"],
];

export function startComparison() {
  const button = find("compare");
  const result = find("compare-result");
  button.addEventListener("click", async () => {
    button.disabled = true;
    button.textContent = "Measuring…";
    result.setAttribute("aria-busy", "true");
    try {
      const { data } = await ask("/api/compare?pairs=100");
      result.replaceChildren(...show(data));
    } catch (error) {
      result.replaceChildren(make("p", { class: "empty", role: "alert" }, error.message));
    } finally {
      button.disabled = false;
      button.textContent = "Measure 100 pairs";
      result.removeAttribute("aria-busy");
    }
  });
}

function show({ reads, pairs, pairsAsked, durationMs, measuredAt }) {
  const slowest = Math.max(...reads.map((read) => read.withoutCache.p50));
  const fastest = Math.min(...reads.map((read) => read.hit.p50));
  // Logarithmic as the chart above: side by side on a linear scale, the short bars could not be seen.
  const width = (ms) => `${8 + (92 * Math.log(ms / fastest)) / Math.log(slowest / fastest)}%`;
  const bar = (className, ms) => {
    const element = make("i", { class: className });
    element.style.width = width(ms);
    return element;
  };
  const cell = (className, ...content) => make("td", { class: `number ${className}` }, ...content);
  const figures = ({ p50, p99 }, className) =>
    cell(className, milliseconds(p50), make("span", { class: "sub" }, `p99 ${milliseconds(p99)}`));
  const rows = reads.map((read) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, read.name),
      make(
        "td",
        { class: "wide", "aria-hidden": "true" },
        make("div", { class: "bars" }, bar("with", read.hit.p50), bar("without", read.withoutCache.p50)),
      ),
      figures(read.hit, "good-text"),
      figures(read.miss, "wide"),
      figures(read.withoutCache, "slow-text"),
      cell("ratio", times(read.ratio)),
    ),
  );
  const heads = COLUMNS.map(([title, className]) => make("th", { scope: "col", class: className }, title));
  const fewer = pairs < pairsAsked ? ` of ${pairsAsked} asked for, as far as the time went` : "";
  const note = `Medians of ${pairs} measurements each${fewer}, taken in ${(durationMs / 1000).toFixed(1)} s at ${new Date(measuredAt).toLocaleTimeString()}. Hit: from the cache. Miss: query and fill. Without: the query alone.`;
  return [
    make(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": "Comparison" },
      make("table", {}, make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...rows)),
    ),
    make("p", { class: "remark" }, note),
  ];
}

const SPAN_MS = 120_000;
const GAP_MS = 3_500;
const MARGIN = { top: 12, right: 14, bottom: 24, left: 44 };
const SVG = "http://www.w3.org/2000/svg";

function draw(tag, attributes, text) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

/**
 * A chart of the last two minutes. `lines` name how to read a value from a sample; `null` breaks the line, so a pause
 * is seen as one. `scale` maps a value to 0 (bottom) to 1 (top), and names the marks of the axis.
 */
export function createTimeChart(host, { lines, scale, describe, nothing }) {
  let samples = [];
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;

  const empty = document.createElement("div");
  empty.className = "nothing";
  empty.textContent = nothing;

  function render(pointerX) {
    const { width, height } = host.getBoundingClientRect();
    if (width === 0) return;
    const plot = { width: width - MARGIN.left - MARGIN.right, height: height - MARGIN.top - MARGIN.bottom };
    const now = samples.length > 0 ? Date.parse(samples.at(-1).at) : Date.now();
    const x = (sample) => MARGIN.left + plot.width * (1 - (now - Date.parse(sample.at)) / SPAN_MS);
    const y = (value, marks) => MARGIN.top + plot.height * (1 - marks.position(value));
    const marks = scale(samples);

    const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
    for (const mark of marks.at) {
      const at = y(mark, marks);
      svg.append(draw("line", { class: "grid", x1: MARGIN.left, x2: width - MARGIN.right, y1: at, y2: at }));
      svg.append(draw("text", { x: MARGIN.left - 8, y: at + 4, "text-anchor": "end" }, marks.label(mark)));
    }
    for (const seconds of [120, 90, 60, 30, 0]) {
      const at = MARGIN.left + plot.width * (1 - (seconds * 1000) / SPAN_MS);
      const anchor = seconds === 0 ? "end" : "middle";
      svg.append(
        draw(
          "text",
          { x: at, y: height - 6, "text-anchor": anchor },
          seconds === 0 ? "now" : `−${seconds} s`,
        ),
      );
    }
    const visible = samples.filter((sample) => now - Date.parse(sample.at) <= SPAN_MS);
    for (const { read, className, area } of lines) {
      for (const part of unbroken(visible, read)) {
        const points = part.map((sample) => `${x(sample).toFixed(1)},${y(read(sample), marks).toFixed(1)}`);
        if (area) {
          const floor = MARGIN.top + plot.height;
          const corners = [`${x(part.at(-1)).toFixed(1)},${floor}`, `${x(part[0]).toFixed(1)},${floor}`];
          svg.append(draw("polygon", { class: "area", points: [...points, ...corners].join(" ") }));
        }
        // A line of one point is invisible; drawn twice, its round caps make a dot.
        if (points.length === 1) points.push(points[0]);
        svg.append(draw("polyline", { class: `line ${className}`, points: points.join(" ") }));
      }
    }
    const near = pointerX === undefined ? undefined : nearest(visible, pointerX, x);
    if (near) {
      const at = x(near);
      svg.append(
        draw("line", { class: "cursor", x1: at, x2: at, y1: MARGIN.top, y2: MARGIN.top + plot.height }),
      );
      tip.textContent = describe(near);
      tip.hidden = false;
    } else tip.hidden = true;
    host.replaceChildren(svg, tip);
    if (!visible.some((sample) => lines.some(({ read }) => read(sample) !== null))) host.append(empty);
    // Placed when its width is known: on the side of the pointer that has room.
    if (near) tip.style.left = `${x(near) > width / 2 ? x(near) - tip.offsetWidth - 10 : x(near) + 10}px`;
    if (samples.length > 0) host.setAttribute("aria-label", describe(samples.at(-1)));
  }

  let pointer;
  host.addEventListener("pointermove", (event) => {
    pointer = event.clientX - host.getBoundingClientRect().left;
    render(pointer);
  });
  host.addEventListener("pointerleave", () => {
    pointer = undefined;
    render();
  });
  new ResizeObserver(() => render(pointer)).observe(host);

  return {
    show(newSamples) {
      samples = newSamples;
      render(pointer);
    },
  };
}

function unbroken(samples, read) {
  const parts = [];
  let previous;
  for (const sample of samples) {
    if (read(sample) === null) {
      previous = undefined;
      continue;
    }
    const at = Date.parse(sample.at);
    if (previous === undefined || at - previous > GAP_MS) parts.push([]);
    parts.at(-1).push(sample);
    previous = at;
  }
  return parts;
}

function nearest(samples, pointerX, x) {
  let best;
  for (const sample of samples)
    if (!best || Math.abs(x(sample) - pointerX) < Math.abs(x(best) - pointerX)) best = sample;
  return best;
}

/** Powers of ten around everything that is shown. */
export function logarithmic(values) {
  const shown = values.filter((value) => value !== null && value > 0);
  const low = Math.floor(Math.log10(Math.min(...shown, 0.05)));
  const high = Math.max(low + 2, Math.ceil(Math.log10(Math.max(...shown, 10))));
  const at = [];
  for (let power = low; power <= high; power++) at.push(10 ** power);
  return {
    at,
    label: (value) => (value >= 1 ? String(Math.round(value)) : String(Number(value.toPrecision(1)))),
    position: (value) => (Math.log10(Math.max(value, 10 ** low)) - low) / (high - low),
  };
}

export function fromZeroToOne() {
  return { at: [0, 0.25, 0.5, 0.75, 1], label: (value) => `${value * 100}`, position: (value) => value };
}

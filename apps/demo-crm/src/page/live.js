import { ask } from "./api.js";
import { createTimeChart, fromZeroToOne, logarithmic } from "./charts.js";
import { find, milliseconds, percent, times, whole } from "./dom.js";

const KEEP = 125;

/** The tiles, the charts and the switch; fed by one stream of server-sent events. */
export function startLive() {
  let samples = [];
  const latency = createTimeChart(find("latency-chart"), {
    lines: [
      { read: (sample) => sample.withoutCache?.p99 ?? null, className: "without thin" },
      { read: (sample) => sample.withCache?.p99 ?? null, className: "with thin" },
      { read: (sample) => sample.withoutCache?.p50 ?? null, className: "without" },
      { read: (sample) => sample.withCache?.p50 ?? null, className: "with" },
    ],
    scale: (shown) =>
      logarithmic(
        shown.flatMap(({ withCache, withoutCache }) =>
          [withCache, withoutCache].flatMap((figures) => (figures ? [figures.p50, figures.p99] : [])),
        ),
      ),
    describe: ({ withCache, withoutCache }) =>
      withCache && withoutCache
        ? `with ${milliseconds(withCache.p50)}, p99 ${milliseconds(withCache.p99)} · without ${milliseconds(withoutCache.p50)}, p99 ${milliseconds(withoutCache.p99)}`
        : "Latency: no load",
    nothing: "Run the load to see latency",
  });
  const hits = createTimeChart(find("hit-chart"), {
    lines: [{ read: (sample) => sample.hitRate, className: "with", area: true }],
    scale: fromZeroToOne,
    describe: ({ hitRate }) => (hitRate === null ? "Hit rate: no reads" : `Hit rate ${percent(hitRate)}`),
    nothing: "No reads in the last two minutes",
  });

  const show = () => {
    latency.show(samples);
    hits.show(samples);
    if (samples.length > 0) showTiles(samples.at(-1));
  };

  const source = new EventSource("/api/live");
  source.addEventListener("open", () => setLink("live", "good"));
  source.addEventListener("error", () => setLink("no connection, trying again", "bad"));
  source.addEventListener("history", (event) => {
    samples = JSON.parse(event.data);
    show();
  });
  source.addEventListener("sample", (event) => {
    samples = [...samples, JSON.parse(event.data)].slice(-KEEP);
    show();
  });
  // A page that is left with the stream open would wait for it at the next one.
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => event.persisted && location.reload());

  startSwitch();
  show();
}

function showTiles({
  hitRate,
  hits,
  misses,
  withCache,
  withoutCache,
  load,
  readsPerSecond,
  writesPerSecond,
}) {
  find("hit-rate").textContent = percent(hitRate);
  find("hit-rate-note").textContent = `${whole(hits)} hits, ${whole(misses)} misses since the start`;
  showFigures("with", withCache, "misses included");
  showFigures("without", withoutCache, "the query alone");
  find("ratio").textContent = withCache && withoutCache ? times(withoutCache.p50 / withCache.p50) : "–";
  find("ratio-note").textContent = load.running
    ? `${whole(readsPerSecond)} reads, ${whole(writesPerSecond)} writes a second`
    : "without / with";
  const stale = find("stale");
  stale.textContent = load.reads > 0 ? whole(load.staleReads) : "–";
  stale.className = load.reads === 0 ? "" : load.staleReads === 0 ? "good" : "bad";
  find("stale-note").textContent =
    load.reads > 0 ? `${whole(load.reads)} reads, ${whole(load.writes)} writes` : "after acknowledged writes";
  find("load-hint").hidden = load.running || load.reads > 0 || hitRate !== null;
  showSwitch(load);
}

function showFigures(side, figures, otherwise) {
  find(`${side}-p50`).textContent = milliseconds(figures?.p50);
  find(`${side}-note`).textContent = figures
    ? `p95 ${milliseconds(figures.p95)}, p99 ${milliseconds(figures.p99)}`
    : otherwise;
}

function showSwitch({ running, secondsLeft, errors }) {
  const button = find("load");
  button.disabled = false;
  button.setAttribute("aria-checked", String(running));
  find("load-label").textContent = running ? `Load runs, ${secondsLeft} s left` : "Run load";
  if (errors > 0) showError(`${whole(errors)} operations of the load failed; the server's log says why.`);
}

function startSwitch() {
  const button = find("load");
  button.addEventListener("click", async () => {
    const running = button.getAttribute("aria-checked") !== "true";
    button.disabled = true;
    try {
      const { data } = await ask("/api/load", { method: "POST", body: JSON.stringify({ running }) });
      find("load-error").hidden = true;
      if (running) find("load-hint").hidden = true;
      showSwitch(data);
    } catch (error) {
      showError(error.message);
    } finally {
      button.disabled = false;
    }
  });
}

function showError(message) {
  find("load-error").textContent = message;
  find("load-error").hidden = false;
}

function setLink(text, className) {
  const link = find("link");
  if (link.textContent === text) return;
  link.textContent = text;
  link.className = `chip ${className}`;
}

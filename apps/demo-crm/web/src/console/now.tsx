import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import type { Answer } from "../api/ask.ts";
import type { CacheStats, LiveSample } from "../api/types.ts";
import { usePageTitle } from "../shell/page-title.ts";
import { milliseconds, percent, times, whole } from "../ui/format.ts";
import { Loaded } from "../ui/states.tsx";
import { Chart, type Line } from "./chart.tsx";
import { LoadSwitch } from "./load-switch.tsx";
import { COUNT_STEPS, MEMORY_STEPS, megabytes, memoryText, parseMegabytes } from "./memory.ts";
import { stats } from "./queries.ts";
import { SicknessSwitches } from "./sickness.tsx";
import { useLive } from "./use-live.ts";

const LATENCY: readonly Line[] = [
  { title: "median with", ink: "--with" },
  { title: "median without", ink: "--without" },
  { title: "p99 with", ink: "--with", isThin: true },
  { title: "p99 without", ink: "--without", isThin: true },
];
const HITS: readonly Line[] = [{ title: "hit rate", ink: "--with", isFilled: true }];
const KEYS: readonly Line[] = [{ title: "entries", ink: "--info", isFilled: true }];
const MEMORY: readonly Line[] = [{ title: "memory", ink: "--info", isFilled: true }];
const SHARE = [0, 1] as const;
const inPercent = (share: number) => percent(share, 0);
/** An axis has round figures: `10 ms`, and not `10.0 ms`. */
const roundly = (ms: number) => milliseconds(ms).replace(/\.0+(?=\D)/, "");

export function NowPage() {
  usePageTitle("Cache console");
  const { samples, isLost } = useLive();
  const latest = samples.at(-1);
  const figures = useQuery(stats);
  return (
    <>
      <div className="run">
        <p className="muted">
          The load reads as a sales team does: a few companies often, most of them rarely, 5% writes. Each
          read is done twice, through the cache and as the bare query.
        </p>
        <LoadSwitch load={latest?.load} />
      </div>
      {isLost && (
        <p className="banner warn" role="status">
          The stream of figures is interrupted; the browser tries again.
        </p>
      )}
      <Tiles latest={latest} />
      <Charts samples={samples} />
      <section className="card" aria-labelledby="stats-title">
        <h2 id="stats-title">Since the start{ofInstance(figures.data)}</h2>
        <Loaded query={figures} lines={2}>
          {(data) => <Stats stats={data} />}
        </Loaded>
      </section>
      <SicknessSwitches />
    </>
  );
}

/** Each of several instances counts for itself, and any of them may have answered. */
const ofInstance = (answer: Answer<unknown> | undefined) =>
  answer?.instance ? `, instance ${answer.instance}` : "";

function Tiles({ latest }: { latest: LiveSample | undefined }) {
  const { withCache = null, withoutCache = null, load, hitRate = null } = latest ?? {};
  const checked = load !== undefined && load.reads > 0;
  const tiles = [
    {
      title: "Hit rate, last 10 s",
      value: percent(hitRate),
      note: latest
        ? `${whole(latest.hits)} hits, ${whole(latest.misses)} misses since the start`
        : "no reads yet",
    },
    {
      title: "Median with the cache",
      value: milliseconds(withCache?.p50),
      tone: "with",
      note: withCache
        ? `p95 ${milliseconds(withCache.p95)}, p99 ${milliseconds(withCache.p99)}`
        : "misses included",
    },
    {
      title: "Median without",
      value: milliseconds(withoutCache?.p50),
      tone: "without",
      note: withoutCache
        ? `p95 ${milliseconds(withoutCache.p95)}, p99 ${milliseconds(withoutCache.p99)}`
        : "the query alone",
    },
    {
      title: "Faster at the median",
      value: withCache && withoutCache ? times(withoutCache.p50 / withCache.p50) : "–",
      note: load?.running
        ? `${whole(latest?.readsPerSecond)} reads, ${whole(latest?.writesPerSecond)} writes a second`
        : "without / with",
    },
    {
      title: "Stale reads",
      value: checked ? whole(load.staleReads) : "–",
      tone: checked ? (load.staleReads === 0 ? "good" : "bad") : "",
      note: checked
        ? `${whole(load.reads)} reads, ${whole(load.writes)} writes`
        : "after acknowledged writes",
    },
  ];
  return (
    <dl className="tiles">
      {tiles.map(({ title, value, note, tone = "" }) => (
        <div key={title} className="tile">
          <dt className="tile-title">{title}</dt>
          <dd className={`tile-value ${tone}`}>{value}</dd>
          <dd className="muted">{note}</dd>
        </div>
      ))}
    </dl>
  );
}

function Charts({ samples }: { samples: readonly LiveSample[] }) {
  const data = useMemo(() => {
    const at = samples.map((sample) => Date.parse(sample.at) / 1000);
    const of = (read: (sample: LiveSample) => number | null | undefined) =>
      samples.map((sample) => read(sample) ?? null);
    return {
      latency: [
        at,
        of(({ withCache }) => withCache?.p50),
        of(({ withoutCache }) => withoutCache?.p50),
        of(({ withCache }) => withCache?.p99),
        of(({ withoutCache }) => withoutCache?.p99),
      ] as const,
      hits: [at, of(({ hitRate }) => hitRate)] as const,
      keys: [at, of(({ connected, keys }) => (connected ? keys : null))] as const,
      memory: [at, of(({ connected, memory }) => (connected ? parseMegabytes(memory) : null))] as const,
    };
  }, [samples]);
  return (
    <div className="charts">
      <figure className="card">
        <figcaption className="chart-title">
          Latency, logarithmic
          <span className="legend">
            <span className="ink-with">with cache</span>
            <span className="ink-without">without; dashed: p99</span>
          </span>
        </figcaption>
        <Chart
          label="Latency over the last two minutes"
          data={data.latency}
          lines={LATENCY}
          format={roundly}
          isLogarithmic
          nothing="Run the load to see latency"
        />
      </figure>
      <figure className="card">
        <figcaption className="chart-title">Hit rate</figcaption>
        <Chart
          label="Hit rate over the last two minutes"
          data={data.hits}
          lines={HITS}
          format={inPercent}
          range={SHARE}
          nothing="No reads in the last two minutes"
        />
      </figure>
      <figure className="card">
        <figcaption className="chart-title">Entries</figcaption>
        <Chart
          label="Entries of the cache over the last two minutes"
          data={data.keys}
          lines={KEYS}
          format={whole}
          steps={COUNT_STEPS}
          nothing="No figures yet"
        />
      </figure>
      <figure className="card">
        <figcaption className="chart-title">Memory of the store</figcaption>
        <Chart
          label="Memory of the store over the last two minutes"
          data={data.memory}
          lines={MEMORY}
          format={megabytes}
          steps={MEMORY_STEPS}
          nothing="No figures yet"
        />
      </figure>
    </div>
  );
}

function Stats({ stats: data }: { stats: CacheStats }) {
  // What only the store can say.
  const known = (text: string) => (data.connected ? text : "–");
  const facts = [
    ["Store", data.connected ? "connected" : "away", "where entries are kept"],
    ["Entries", known(whole(data.keys)), "of all instances"],
    ["Memory", known(memoryText(data.memory)), "of the store, all in all"],
    ["Hit rate", percent(data.hitRate), "of all reads, the load's among them"],
    ["Fetches", whole(data.fetches), "queries that the cache asked for"],
    ["Refused fills", whole(data.revokedFills), "changed while they were fetched"],
    ["Served stale", whole(data.staleServed), "where a read allows it"],
    ["Pending invalidations", whole(data.pendingInvalidations), "kept until the store answers"],
  ] as const;
  return (
    <>
      <dl className="facts">
        {facts.map(([term, value, note]) => (
          <div key={term}>
            <dt>{term}</dt>
            <dd>{value}</dd>
            <dd className="note">{note}</dd>
          </div>
        ))}
      </dl>
      {data.warnings.map((warning) => (
        <p key={warning} className="banner warn">
          {warning}
        </p>
      ))}
    </>
  );
}

import { useEffect, useMemo, useRef } from "react";
import type uPlot from "uplot";
import { nextTask } from "../first-draw.ts";
import { useIsDark } from "../shell/theme.ts";
import { clock } from "../ui/format.ts";

export interface Line {
  readonly title: string;
  /** Name of a colour of `tokens.css`. */
  readonly ink: "--with" | "--without" | "--info";
  readonly isThin?: boolean;
  readonly isFilled?: boolean;
}

interface ChartProps {
  readonly label: string;
  /** Seconds since 1970, and for each line its values; `null` breaks the line, so a pause is seen as one. */
  readonly data: readonly [readonly number[], ...(readonly (number | null)[])[]];
  readonly lines: readonly Line[];
  readonly format: (value: number) => string;
  readonly isLogarithmic?: boolean;
  readonly range?: readonly [number, number] | undefined;
  /** Between two lines of the grid lies one of these, from small to large. Without them whatever fits decimal numbers. */
  readonly steps?: readonly number[] | undefined;
  /** Said where there is nothing to draw. */
  readonly nothing: string;
}

const HEIGHT = 200;
const SPAN_SECONDS = 120;

let turn = Promise.resolve();

/** One chart a task: making all of them in one would keep a telephone from answering for that long. */
function inItsTurn(make: () => Promise<void>): Promise<void> {
  const made = turn.then(nextTask).then(make);
  turn = made.catch(() => {});
  return made;
}

/** A chart of the last two minutes. */
export function Chart({
  label,
  data,
  lines,
  format,
  isLogarithmic = false,
  range,
  steps,
  nothing,
}: ChartProps) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const isDark = useIsDark();
  const shown = useRef(data);
  shown.current = data;
  const isEmpty = !data.slice(1).some((values) => values.some((value) => value !== null));

  // Everything that changes how it is drawn makes it anew; what is drawn does not.
  // biome-ignore lint/correctness/useExhaustiveDependencies: `isDark` changes the colours that are read from the page.
  useEffect(() => {
    const element = host.current;
    if (!element) return;
    let isGone = false;
    const resized = new ResizeObserver(() =>
      plot.current?.setSize({ width: element.clientWidth, height: HEIGHT }),
    );
    void inItsTurn(async () => {
      const { default: Plot } = await import("uplot");
      await nextTask();
      if (isGone) return;
      plot.current = new Plot(
        options({ lines, format, isLogarithmic, range, steps, width: element.clientWidth }),
        shown.current as unknown as uPlot.AlignedData,
        element,
      );
      resized.observe(element);
    });
    return () => {
      isGone = true;
      resized.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [lines, format, isLogarithmic, range, steps, isDark]);

  useEffect(() => {
    plot.current?.setData(data as unknown as uPlot.AlignedData);
  }, [data]);

  const latest = useMemo(
    () => lines.map(({ title }, at) => `${title} ${describe(data[at + 1]?.at(-1), format)}`).join(", "),
    [data, lines, format],
  );
  return (
    <div className="chart" role="img" aria-label={`${label}. ${isEmpty ? nothing : `Now: ${latest}`}`}>
      <div ref={host} aria-hidden />
      {isEmpty && (
        <div className="chart-empty" aria-hidden>
          {nothing}
        </div>
      )}
    </div>
  );
}

const describe = (value: number | string | null | undefined, format: (value: number) => string) =>
  typeof value === "number" ? format(value) : "nothing";

function options({
  lines,
  format,
  isLogarithmic,
  range,
  steps,
  width,
}: Pick<ChartProps, "lines" | "format" | "isLogarithmic" | "range" | "steps"> & {
  width: number;
}): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => resolveColour(style.getPropertyValue(name));
  const axis = {
    stroke: colour("--muted"),
    font: '11px "Inter Variable", system-ui, sans-serif',
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
  };
  return {
    width,
    height: HEIGHT,
    // At the right, half of the last time of day.
    padding: [10, 26, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { size: 6 } },
    scales: {
      x: {
        time: true,
        range: (_, __, max) => [(max ?? Date.now() / 1000) - SPAN_SECONDS, max ?? Date.now() / 1000],
      },
      y: isLogarithmic ? { distr: 3, log: 10 } : range ? { range: [range[0], range[1]] } : {},
    },
    axes: [
      {
        ...axis,
        size: 26,
        space: 70,
        values: (_, ticks) => ticks.map((tick) => clock(new Date(tick * 1000))),
      },
      {
        ...axis,
        size: 58,
        ...(steps ? { incrs: [...steps] } : {}),
        values: (_, ticks) => ticks.map((tick) => (tick === null ? null : format(tick))) as string[],
      },
    ],
    series: [
      {},
      ...lines.map(
        ({ title, ink, isThin, isFilled }): uPlot.Series => ({
          label: title,
          stroke: colour(ink),
          width: isThin ? 1 : 2,
          points: { show: false },
          spanGaps: false,
          ...(isThin ? { dash: [4, 3] } : {}),
          ...(isFilled ? { fill: `color-mix(in srgb, ${colour(ink)} 14%, transparent)` } : {}),
        }),
      ),
    ],
  };
}

/** A canvas knows no `light-dark()`: the browser resolves it on an element that uses it. */
function resolveColour(value: string): string {
  const probe = document.createElement("span");
  probe.style.color = value;
  document.body.append(probe);
  const resolved = getComputedStyle(probe).color;
  probe.remove();
  return resolved;
}

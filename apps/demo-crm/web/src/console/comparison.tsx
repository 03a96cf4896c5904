import { skipToken, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Timer } from "lucide-react";
import { ask } from "../api/ask.ts";
import type { Comparison } from "../api/types.ts";
import { usePageTitle } from "../shell/page-title.ts";
import { Button } from "../ui/button.tsx";
import { clock, milliseconds, times } from "../ui/format.ts";
import { EmptyState, ErrorState, Skeleton } from "../ui/states.tsx";
import { Table } from "../ui/table.tsx";

type Read = Comparison["reads"][number];
const KEY = ["comparison"];

export function ComparisonPage() {
  usePageTitle("Side by side");
  const client = useQueryClient();
  const measure = useMutation({
    mutationFn: () => ask<Comparison>("/api/compare?pairs=100"),
    // Kept, so that it is still there after a look at another page.
    onSuccess: ({ data }) => client.setQueryData(KEY, data),
  });
  const { data: found } = useQuery<Comparison>({ queryKey: KEY, queryFn: skipToken, gcTime: Infinity });
  return (
    <>
      <div className="run">
        <p className="muted">
          Nine reads, alternating: from the cache, without it, and with nothing in it yet. Measured in the
          server when you press the button; the load of the instance that measures stands still meanwhile.
        </p>
        <Button
          look="primary"
          icon={<Timer size={16} aria-hidden />}
          busy={measure.isPending}
          onClick={() => measure.mutate()}
        >
          {measure.isPending ? "Measuring" : "Measure 100 pairs"}
        </Button>
      </div>
      <div className="card flush" aria-live="polite">
        {measure.isPending ? (
          <Skeleton lines={9} />
        ) : measure.error ? (
          <ErrorState error={measure.error} onRetry={() => measure.mutate()} />
        ) : found ? (
          <Result comparison={found} />
        ) : (
          <EmptyState title="Not measured yet">It takes some seconds.</EmptyState>
        )}
      </div>
    </>
  );
}

function Result({ comparison }: { comparison: Comparison }) {
  const { reads, pairs, pairsAsked, durationMs, measuredAt } = comparison;
  const slowest = Math.max(...reads.map((read) => read.withoutCache.p50));
  const fastest = Math.max(Math.min(...reads.map((read) => read.hit.p50)), 0.001);
  // Logarithmic: side by side on a linear scale, the short bars could not be seen.
  const share = (ms: number) =>
    8 + (92 * Math.log(Math.max(ms, fastest) / fastest)) / Math.max(Math.log(slowest / fastest), 0.001);
  const figures = ({ p50, p99 }: Read["hit"]) => (
    <>
      {milliseconds(p50)}
      <span className="sub">p99 {milliseconds(p99)}</span>
    </>
  );
  return (
    <>
      <Table
        caption="Reads with and without the cache"
        rows={reads}
        rowKey={({ name }) => name}
        columns={[
          {
            title: "Read",
            cell: ({ name, key }) => (
              <>
                <span className="strong">{name}</span>
                <span className="sub mono">{key}</span>
              </>
            ),
          },
          {
            title: "Logarithmic",
            isExtra: true,
            cell: ({ hit, withoutCache }) => (
              <span className="ratio-bars">
                <RatioBar ink="ink-with" share={share(hit.p50)} />
                <RatioBar ink="ink-without" share={share(withoutCache.p50)} />
              </span>
            ),
          },
          { title: "Hit", isNumber: true, cell: ({ hit }) => figures(hit) },
          { title: "Miss", isNumber: true, isExtra: true, cell: ({ miss }) => figures(miss) },
          { title: "Without", isNumber: true, cell: ({ withoutCache }) => figures(withoutCache) },
          { title: "Faster", isNumber: true, cell: ({ ratio }) => <strong>{times(ratio)}</strong> },
        ]}
      />
      <p className="muted padded">
        Medians of {pairs} measurements each
        {pairs < pairsAsked && ` of ${pairsAsked} asked for, as far as the time went`}, taken in{" "}
        {(durationMs / 1000).toFixed(1)} s at {clock(measuredAt)}. Hit: from the cache. Miss: query and fill.
        Without: the query alone.
      </p>
    </>
  );
}

const RatioBar = ({ ink, share }: { ink: string; share: number }) => (
  <svg
    className={`ratio-bar ${ink}`}
    viewBox="0 0 100 6"
    preserveAspectRatio="none"
    width="100%"
    height={6}
    aria-hidden
  >
    <rect className="ratio-fill" width={share} height={6} />
  </svg>
);

import { useQuery } from "@tanstack/react-query";
import type { WarmingRun, WarmingState } from "../api/console-types.ts";
import { usePageTitle } from "../shell/page-title.ts";
import { clock, milliseconds, whole } from "../ui/format.ts";
import { EmptyState } from "../ui/states.tsx";
import { Table } from "../ui/table.tsx";
import { Part } from "./part.tsx";
import { warming } from "./queries.ts";

export function WarmingPage() {
  usePageTitle("Warming");
  const query = useQuery({ ...warming, retry: false });
  return (
    <div className="stack">
      <p className="muted">What is fetched before anybody asks for it, at the start and in the background.</p>
      <Part query={query} what="its warming">
        {(state) => <Warming state={state} />}
      </Part>
    </div>
  );
}

const REASONS: Readonly<Record<string, string>> = {
  empty: "there was nothing",
  fleet: "another instance loaded it",
  "failed-elsewhere": "another instance failed",
  warm: "it was fresh",
  newer: "it was written meanwhile",
  aborted: "the run ended",
};

function lastRun(outcome: string | null, reason: string | null): string {
  if (outcome === null) return "not run";
  if (outcome === "success") return "loaded";
  return reason === null ? outcome : `${outcome}: ${REASONS[reason] ?? reason}`;
}

function Warming({ state: { readiness, runs, tasks, categories, hotKeys } }: { state: WarmingState }) {
  return (
    <>
      <p className="banner">
        {readiness.ready
          ? `Ready for traffic${readiness.openedAfter === null ? "" : `, ${milliseconds(readiness.openedAfter)} after warming began`}${readiness.reason === "deadline" ? ": the urgent tasks were not waited for any longer" : ""}.`
          : "Not ready for traffic yet: the urgent tasks are under way."}{" "}
        Tasks:{" "}
        {Object.entries(categories)
          .map(([category, count]) => `${whole(count)} of ${category}`)
          .join(", ")}
        .
      </p>
      <section className="card flush" aria-labelledby="runs-title">
        <h2 id="runs-title" className="padded">
          Runs
        </h2>
        {runs.length === 0 ? <EmptyState title="Nothing was warmed yet" /> : <Runs runs={runs} />}
      </section>
      <section className="card flush" aria-labelledby="tasks-title">
        <h2 id="tasks-title" className="padded">
          Tasks
        </h2>
        {tasks.length === 0 ? (
          <EmptyState title="No tasks" />
        ) : (
          <Table
            caption="Warming tasks"
            rows={tasks}
            rowKey={({ key }) => key}
            columns={[
              { title: "Key", cell: ({ key }) => <span className="mono">{key}</span> },
              { title: "Category", isExtra: true, cell: ({ category }) => category },
              { title: "Priority", isNumber: true, isExtra: true, cell: ({ priority }) => priority },
              {
                title: "Last",
                cell: ({ lastOutcome, lastReason }) => lastRun(lastOutcome, lastReason),
              },
              {
                title: "Took",
                isNumber: true,
                isExtra: true,
                cell: ({ lastOutcome, lastDuration }) =>
                  lastOutcome === "skipped" ? "–" : milliseconds(lastDuration),
              },
            ]}
          />
        )}
      </section>
      {hotKeys.length > 0 && (
        <section className="card flush" aria-labelledby="hot-title">
          <h2 id="hot-title" className="padded">
            Read most
          </h2>
          <Table
            caption="Keys that are read most"
            rows={hotKeys}
            rowKey={({ key }) => key}
            columns={[
              { title: "Key", cell: ({ key }) => <span className="mono">{key}</span> },
              { title: "Reads", isNumber: true, cell: ({ reads }) => whole(Math.round(reads)) },
            ]}
          />
        </section>
      )}
    </>
  );
}

const Runs = ({ runs }: { runs: readonly WarmingRun[] }) => (
  <Table
    caption="Runs of the warmer"
    rows={runs}
    rowKey={({ run }) => String(run)}
    columns={[
      { title: "Run", cell: ({ run, kind }) => `${run}, ${kind}` },
      { title: "Began", isExtra: true, cell: ({ startedAt }) => clock(startedAt) },
      {
        title: "Progress",
        cell: ({ run, done, total }) =>
          total === 0 ? (
            <span className="muted">nothing was due</span>
          ) : (
            <progress className="progress" value={done} max={total} aria-label={`Progress of run ${run}`} />
          ),
      },
      {
        title: "Done",
        isNumber: true,
        isExtra: true,
        cell: ({ done, total }) => (total === 0 ? "–" : `${whole(done)} of ${whole(total)}`),
      },
      { title: "Warmed", isNumber: true, cell: ({ successful }) => whole(successful) },
      { title: "Skipped", isNumber: true, isExtra: true, cell: ({ skipped }) => whole(skipped) },
      { title: "Failed", isNumber: true, cell: ({ failed }) => whole(failed) },
    ]}
  />
);

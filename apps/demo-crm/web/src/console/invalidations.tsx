import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { HistoryRecord } from "../api/types.ts";
import { usePageTitle } from "../shell/page-title.ts";
import { Badge } from "../ui/badge.tsx";
import { Button } from "../ui/button.tsx";
import { Field, Select } from "../ui/field.tsx";
import { clock, milliseconds, whole } from "../ui/format.ts";
import { EmptyState, Loaded } from "../ui/states.tsx";
import { Part } from "./part.tsx";
import { history, rules } from "./queries.ts";
import { RuleGraphView } from "./rule-graph.tsx";

const VERB: Readonly<Record<string, string>> = {
  "entity:created": "created",
  "entity:updated": "changed",
  "entity:deleted": "removed",
};

export function InvalidationsPage() {
  usePageTitle("Invalidations");
  const [entity, setEntity] = useState("");
  const query = useQuery(history(100));
  const graph = useQuery({ ...rules, retry: false });
  const entities = [...new Set(query.data?.data.map(({ entityType }) => entityType))].sort();
  return (
    <>
      <section className="card flush" aria-labelledby="feed-title">
        <div className="section-head padded">
          <div>
            <h2 id="feed-title">What went, and why</h2>
            <p className="muted">
              The latest of all instances. Open one to see why; a new one appears by itself.
            </p>
          </div>
          <Field label="Entity">
            <Select
              value={entity}
              onChange={({ target }) => setEntity(target.value)}
              options={[["", "All"], ...entities.map((name) => [name, name] as const)]}
            />
          </Field>
        </div>
        <Loaded query={query} lines={8}>
          {(records) => (
            <Feed records={records.filter(({ entityType }) => !entity || entityType === entity)} />
          )}
        </Loaded>
      </section>
      <section className="card" aria-labelledby="graph-title">
        <div>
          <h2 id="graph-title">The rules</h2>
          <p className="muted">
            An arrow: a change here also reaches there, one step. Dashed: only what concerns the one instance
            that changed.
          </p>
        </div>
        <Part query={graph} what="its rules">
          {(data) => <RuleGraphView graph={data} />}
        </Part>
      </section>
    </>
  );
}

/** More are further down than the rules are worth scrolling for. */
const SHOWN = 20;

function Feed({ records }: { records: readonly HistoryRecord[] }) {
  const [isWhole, setWhole] = useState(false);
  if (records.length === 0)
    return (
      <EmptyState title="Nothing was invalidated yet">
        Change a <Link to="/companies">company</Link>, or run the load.
      </EmptyState>
    );
  return (
    <>
      <ul className="feed">
        {(isWhole ? records : records.slice(0, SHOWN)).map((record) => (
          <li key={`${record.unit}-${record.entityType}-${record.entityId}-${record.event}`}>
            <Record record={record} />
          </li>
        ))}
      </ul>
      {records.length > SHOWN && !isWhole && (
        <div className="padded">
          <Button onClick={() => setWhole(true)}>Show {whole(records.length - SHOWN)} more</Button>
        </div>
      )}
    </>
  );
}

const ONE: Readonly<Record<string, string>> = {
  ...{ companies: "company", deals: "deal", users: "user", projects: "project", tasks: "task" },
  ...{ milestones: "milestone", contacts: "contact", leads: "lead", quotes: "quote" },
};

/** Of the name of a table, the name of one of its rows. */
const rowOf = (entityType: string) => ONE[entityType] ?? entityType;

/** Its rule is soft: what it covers is counted again instead of removed (`src/services/figures.ts`). */
const isCountedAgain = ({ entityType, status }: HistoryRecord) =>
  entityType === "deal-figures" && status === "applied";

function counted(record: HistoryRecord, entries: number): string {
  if (isCountedAgain(record)) return "counted again";
  if (entries === 0) return "nothing removed";
  return `${whole(entries)} ${entries === 1 ? "entry" : "entries"} removed`;
}

/** In a sentence, why that went. */
function reason(record: HistoryRecord): string {
  const { entityType, entityId, dependencies, patternsInvalidated: patterns } = record;
  if (isCountedAgain(record))
    return "A column changed that the figures are counted from. They are counted again before the write is acknowledged; until then readers have the old ones and do not wait.";
  if (dependencies && patterns.length === 0)
    return `What goes is what was made from ${rowOf(entityType)} ${entityId}, or from a list of ${entityType}: it was noted while it was read.`;
  if (dependencies)
    return `What goes is what was made from ${rowOf(entityType)} ${entityId}, and what the rules name by its key.`;
  return "The rules name what goes by its key.";
}

function Record({ record }: { record: HistoryRecord }) {
  const { event, entityType, entityId, keysInvalidated, timestamp, status } = record;
  return (
    <details>
      <summary>
        <time dateTime={timestamp}>{clock(timestamp)}</time>
        <span className="feed-what">
          <span className="strong">
            {rowOf(entityType)} {entityId}
          </span>{" "}
          {VERB[event] ?? event}
        </span>
        {status !== "applied" && <Badge>{status}</Badge>}
        <span className="feed-count">{counted(record, keysInvalidated)}</span>
      </summary>
      <p className="feed-why">{reason(record)}</p>
      <dl className="facts">
        {facts(record).map(([term, value]) => (
          <div key={term}>
            <dt>{term}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

function facts(record: HistoryRecord): (readonly [string, string])[] {
  const { patternsInvalidated: patterns, cascade, dependencies, instance, durationMs, actor, cause } = record;
  return [
    ["By patterns", patterns.length > 0 ? patterns.join(", ") : "none"],
    ["By dependencies", dependencies ? "what was made from it" : "no"],
    ["Way of the cascade", cascade.join(", ") || "–"],
    ["Instance", instance],
    ["Took", milliseconds(durationMs)],
    ...(actor ? ([["Who", actor]] as const) : []),
    ...(cause ? ([["Cause", cause]] as const) : []),
    ...(record.sessionsEnded > 0 ? ([["Sessions ended", whole(record.sessionsEnded)]] as const) : []),
    ...(record.failedHandlers > 0 ? ([["Handlers that failed", whole(record.failedHandlers)]] as const) : []),
  ];
}

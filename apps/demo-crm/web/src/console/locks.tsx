import { useQuery } from "@tanstack/react-query";
import type { LimitState, LockState } from "../api/console-types.ts";
import { usePageTitle } from "../shell/page-title.ts";
import { capitalize, span, whole } from "../ui/format.ts";
import { EmptyState } from "../ui/states.tsx";
import { Table } from "../ui/table.tsx";
import { Part } from "./part.tsx";
import { limits, locks } from "./queries.ts";

export function LocksPage() {
  usePageTitle("Locks and limits");
  const found = useQuery({ ...locks, retry: false });
  const counted = useQuery({ ...limits, retry: false });
  return (
    <>
      <section className="card flush" aria-labelledby="locks-title">
        <div className="padded">
          <h2 id="locks-title">Locks</h2>
          <p className="muted">
            Around work that must happen once. A fence grows with every grant: the database refuses who comes
            with a lower one.
          </p>
        </div>
        <Part query={found} what="its locks">
          {(data) => <Locks locks={data} />}
        </Part>
      </section>
      <section className="stack" aria-labelledby="limits-title">
        <div>
          <h2 id="limits-title">Limits</h2>
          <p className="muted">What this instance has decided since its start, and where you stand.</p>
        </div>
        <Part query={counted} what="its limits">
          {(data) => (
            <div className="columns">
              {data.map((limit) => (
                <Limit key={limit.name} limit={limit} />
              ))}
            </div>
          )}
        </Part>
      </section>
    </>
  );
}

function Locks({ locks: found }: { locks: readonly LockState[] }) {
  if (found.length === 0)
    return <EmptyState title="No lock has been taken yet">Issue a quote, and its lock is here.</EmptyState>;
  return (
    <Table
      caption="Locks"
      rows={found}
      rowKey={({ name }) => name}
      columns={[
        { title: "Lock", cell: ({ name }) => <span className="strong mono">{name}</span> },
        {
          title: "Held by",
          cell: ({ holders }) =>
            holders
              .map(
                ({ owner, fence, ttl }) => `${owner || "unnamed"}, fence ${fence}, ${Math.ceil(ttl)} s left`,
              )
              .join("; ") || "nobody",
        },
        { title: "Waiting", isNumber: true, cell: ({ waiters }) => whole(waiters) },
        {
          title: "Last fence",
          isNumber: true,
          isExtra: true,
          cell: ({ fence }) => <span className="mono">{fence}</span>,
        },
      ]}
    />
  );
}

/** The names of the limits, for people. */
const TITLES: Readonly<Record<string, string>> = {
  api: "Requests of the API",
  "sign-in": "Attempts to sign in",
};

function Limit({ limit: { name, rules, decided, you } }: { limit: LimitState }) {
  const facts = [
    ["Allowed", whole(decided.allowed), "requests"],
    ["Refused", whole(decided.denied), "answered with 429"],
    ["Refused from memory", whole(decided.deniedFromMemory), "without asking the store again"],
    ["Without the store", whole(decided.decidedByPolicy), "decided while it was away"],
  ] as const;
  return (
    <section className="card" aria-labelledby={`limit-${name}`}>
      <h3 id={`limit-${name}`} className="strong">
        {TITLES[name] ?? name}
      </h3>
      <dl className="facts">
        {facts.map(([term, value, note]) => (
          <div key={term}>
            <dt>{term}</dt>
            <dd>{value}</dd>
            <dd className="note">{note}</dd>
          </div>
        ))}
      </dl>
      <Table
        caption={`Rules of ${TITLES[name] ?? name}`}
        rows={rules}
        rowKey={(rule) => rule.name}
        columns={[
          { title: "By", cell: (rule) => capitalize(rule.name) },
          {
            title: "Limit",
            isNumber: true,
            cell: (rule) => `${whole(rule.limit)} in ${span(rule.window)}`,
          },
          {
            title: "You have left",
            isNumber: true,
            cell: (rule) => whole(you?.limits.find((one) => one.name === rule.name)?.remaining),
          },
        ]}
      />
    </section>
  );
}

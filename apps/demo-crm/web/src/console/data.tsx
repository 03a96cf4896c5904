import { useQuery } from "@tanstack/react-query";
import type { ImportReport } from "../api/types.ts";
import { usePageTitle } from "../shell/page-title.ts";
import { capitalize, whole } from "../ui/format.ts";
import { Loaded } from "../ui/states.tsx";
import { importReport } from "./queries.ts";

const KINDS = [
  ["corrected", "Read differently; the raw value is kept"],
  ["missing", "Missing in the source; stored without, never guessed"],
  ["observed", "Left as it is"],
] as const;
const TABLES = ["companies", "users", "products", "deals"] as const;

export function DataPage() {
  usePageTitle("The data");
  const report = useQuery(importReport);
  return (
    <>
      <p className="muted">
        Maven Analytics Data Playground, “CRM Sales Opportunities”, public domain. The company is fictitious.
        Contacts, leads, projects, tasks and quotes are made up from it, the same on every machine, and marked
        so.
      </p>
      <Loaded query={report} lines={8}>
        {(data) => <Report report={data} />}
      </Loaded>
    </>
  );
}

function Report({ report }: { report: ImportReport }) {
  return (
    <>
      <ul className="tiles">
        {TABLES.map((table) => (
          <li key={table} className="tile">
            <span className="tile-title">{capitalize(table)}</span>
            <span className="tile-value">{whole(report.rowsStored[table])}</span>
            <span className="muted">of {whole(report.rowsRead[table])} rows in the file</span>
          </li>
        ))}
      </ul>
      <div className="columns">
        {KINDS.map(([kind, title]) => (
          <section key={kind} className="card" aria-labelledby={`kind-${kind}`}>
            <h2 id={`kind-${kind}`}>{title}</h2>
            <ul className="findings">
              {report[kind].map(({ table, field, rows, note }) => (
                <li key={`${table}.${field} ${note}`}>
                  <span className="count">{whole(rows)}</span>
                  <span>
                    {note} <span className="muted mono">{`${table}.${field}`}</span>
                  </span>
                </li>
              ))}
            </ul>
          </section>
        ))}
        <section className="card" aria-labelledby="kind-rejected">
          <h2 id="kind-rejected">Could not be used</h2>
          <p>
            {whole(report.rejected.rows)} rows
            {report.rejected.examples[0] && `, the first: ${report.rejected.examples[0].reason}`}
          </p>
        </section>
      </div>
    </>
  );
}

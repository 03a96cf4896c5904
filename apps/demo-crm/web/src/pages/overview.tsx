import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { leaderboard, pipeline, revenueBySector } from "../api/queries.ts";
import type { LeaderboardEntry, PipelineStage, SectorRevenue } from "../api/types.ts";
import { usePageTitle } from "../shell/page-title.ts";
import { capitalize, compactDollars, dollars, percent, whole } from "../ui/format.ts";
import { CacheNote, PageHead } from "../ui/page-head.tsx";
import { Loaded } from "../ui/states.tsx";
import { Table } from "../ui/table.tsx";
import { HEADS } from "./heads.ts";

export function OverviewPage() {
  usePageTitle(HEADS.overview.title);
  const stages = useQuery(pipeline);
  const sectors = useQuery(revenueBySector);
  const leaders = useQuery(leaderboard);
  return (
    <>
      <PageHead {...HEADS.overview} />
      <section aria-labelledby="pipeline-title" className="stack">
        <div className="section-head">
          <h2 id="pipeline-title">Pipeline</h2>
          {stages.data && <CacheNote answer={stages.data} />}
        </div>
        {stages.isPending ? (
          <PipelinePlace />
        ) : (
          <Loaded query={stages}>{(data) => <Pipeline stages={data} />}</Loaded>
        )}
      </section>
      <div className="columns">
        <section aria-labelledby="sectors-title" className="card">
          <div className="section-head">
            <h2 id="sectors-title">Revenue by sector</h2>
            {sectors.data && <CacheNote answer={sectors.data} />}
          </div>
          <Loaded query={sectors} lines={20}>
            {(data) => <Sectors sectors={data} />}
          </Loaded>
        </section>
        <section aria-labelledby="leaders-title" className="card">
          <div className="section-head">
            <h2 id="leaders-title">Leaderboard</h2>
            {leaders.data && <CacheNote answer={leaders.data} />}
          </div>
          <Loaded query={leaders} lines={14}>
            {(data) => <Leaders leaders={data.slice(0, 10)} />}
          </Loaded>
        </section>
      </div>
    </>
  );
}

function Pipeline({ stages }: { stages: readonly PipelineStage[] }) {
  return (
    <ul className="tiles">
      {stages.map(({ stage, deals, value, listValue, averageDaysToClose }) => (
        <li key={stage} className="tile" data-stage={stage}>
          <span className="tile-title">{stage}</span>
          <span className="tile-value">{whole(deals)}</span>
          <span className="muted">
            {/* Open deals have no value in the data. */}
            {value === null || stage === "Lost"
              ? `${compactDollars(listValue)} at list price`
              : `${compactDollars(value)} closed`}
            {averageDaysToClose !== null && `, ${Math.round(averageDaysToClose)} days on average`}
          </span>
        </li>
      ))}
    </ul>
  );
}

/** As high as the pipeline will be, so that nothing moves when it comes. */
const PipelinePlace = () => (
  <div className="tiles" role="status" aria-label="Loading">
    {["Prospecting", "Engaging", "Won", "Lost"].map((stage) => (
      <div key={stage} className="tile" data-stage={stage}>
        <span className="tile-title">{stage}</span>
        <span className="tile-value skeleton">&nbsp;</span>
        <span className="muted invisible">$0.0M at list price, 00 days on average</span>
      </div>
    ))}
  </div>
);

function Sectors({ sectors }: { sectors: readonly SectorRevenue[] }) {
  const largest = Math.max(...sectors.map(({ revenue }) => revenue), 1);
  return (
    <ul className="bars">
      {sectors.map(({ sector, revenue, winRate, companies }) => (
        <li key={sector}>
          <Link to="/companies" search={{ sector }} className="bar-name">
            {capitalize(sector)}
          </Link>
          <span className="bar-value">{compactDollars(revenue)}</span>
          <meter className="bar" min={0} max={largest} value={revenue} aria-label={`Revenue, ${sector}`} />
          <span className="muted bar-note">
            {companies} {companies === 1 ? "company" : "companies"}, {percent(winRate, 0)} won
          </span>
        </li>
      ))}
    </ul>
  );
}

const Leaders = ({ leaders }: { leaders: readonly LeaderboardEntry[] }) => (
  <Table
    caption="Users by revenue"
    rows={leaders}
    rowKey={(leader) => leader.userId}
    columns={[
      { title: "#", cell: ({ rank }) => rank, isNumber: true },
      {
        title: "Agent",
        cell: ({ userId, name }) => (
          <Link to="/deals" search={{ user: userId }}>
            {name}
          </Link>
        ),
      },
      { title: "Office", cell: ({ office }) => office, isExtra: true },
      { title: "Won", cell: ({ won }) => whole(won), isNumber: true },
      { title: "Rate", cell: ({ winRate }) => percent(winRate, 0), isNumber: true, isExtra: true },
      { title: "Revenue", cell: ({ revenue }) => dollars(revenue), isNumber: true },
    ]}
  />
);

import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { list, useNames } from "../api/queries.ts";
import { usePageTitle } from "../shell/page-title.ts";
import { Badge, MadeUp } from "../ui/badge.tsx";
import { capitalize, day } from "../ui/format.ts";
import { ListCard } from "../ui/list-card.tsx";
import { PageHead } from "../ui/page-head.tsx";
import { StatusFilter } from "../ui/status-filter.tsx";
import { Table } from "../ui/table.tsx";
import { HEADS } from "./heads.ts";

const route = getRouteApi("/leads");
const STATUSES = ["new", "contacted", "qualified", "lost"] as const;

export function LeadsPage() {
  usePageTitle(HEADS.leads.title);
  const { page = 1, status } = route.useSearch();
  const navigate = route.useNavigate();
  const names = useNames();
  const leads = useQuery(list("leads", { page, limit: 20, status }));
  return (
    <>
      <PageHead {...HEADS.leads} answer={leads.data} />
      <search className="filters">
        <StatusFilter
          statuses={STATUSES}
          value={status}
          onChange={(one) => void navigate({ search: { status: one }, replace: true })}
        />
      </search>
      <ListCard
        query={leads}
        of="leads"
        empty={{ title: "No leads" }}
        onPage={(next) => void navigate({ search: { status, page: next } })}
      >
        {(rows, isOld) => (
          <Table
            caption="Leads"
            rows={rows}
            rowKey={({ id }) => id}
            isOld={isOld}
            columns={[
              {
                title: "Lead",
                cell: ({ name, generated }) => (
                  <>
                    <span className="strong">{name}</span> {generated && <MadeUp />}
                  </>
                ),
              },
              { title: "Status", cell: (lead) => <Badge>{lead.status}</Badge> },
              { title: "Source", isExtra: true, cell: ({ source }) => capitalize(source) },
              { title: "Owner", isExtra: true, cell: ({ ownerId }) => names.user(ownerId) },
              { title: "Received", isExtra: true, cell: ({ receivedOn }) => day(receivedOn) },
              { title: "Score", isNumber: true, cell: ({ score }) => score },
            ]}
          />
        )}
      </ListCard>
    </>
  );
}

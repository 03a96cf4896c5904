import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { list, useNames } from "../api/queries.ts";
import { usePageTitle } from "../shell/page-title.ts";
import { Badge, MadeUp } from "../ui/badge.tsx";
import { Field, Select } from "../ui/field.tsx";
import { capitalize, day } from "../ui/format.ts";
import { PageHead } from "../ui/page-head.tsx";
import { Pager } from "../ui/pager.tsx";
import { EmptyState, Loaded } from "../ui/states.tsx";
import { Table } from "../ui/table.tsx";

const route = getRouteApi("/leads");
const STATUSES = ["new", "contacted", "qualified", "lost"] as const;

export function LeadsPage() {
  usePageTitle("Leads");
  const { page = 1, status } = route.useSearch();
  const navigate = route.useNavigate();
  const names = useNames();
  const leads = useQuery(list("leads", { page, limit: 20, status }));
  return (
    <>
      <PageHead title="Leads" text="The source has none: these are made up." answer={leads.data} />
      <search className="filters">
        <Field label="Status">
          <Select
            value={status ?? ""}
            onChange={(event) =>
              void navigate({
                search: { status: STATUSES.find((one) => one === event.target.value) },
                replace: true,
              })
            }
            options={[["", "Any status"], ...STATUSES.map((one) => [one, capitalize(one)] as const)]}
          />
        </Field>
      </search>
      <div className="card flush">
        <Loaded query={leads} lines={12}>
          {(found) =>
            found.items.length === 0 ? (
              <EmptyState title="No leads" />
            ) : (
              <>
                <Table
                  caption="Leads"
                  rows={found.items}
                  rowKey={({ id }) => id}
                  isOld={leads.isPlaceholderData}
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
                <Pager
                  {...found}
                  of="leads"
                  onPage={(next) => void navigate({ search: { status, page: next > 1 ? next : undefined } })}
                />
              </>
            )
          }
        </Loaded>
      </div>
    </>
  );
}

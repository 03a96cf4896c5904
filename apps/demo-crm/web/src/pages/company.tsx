import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { Pencil, Trash2 } from "lucide-react";
import { useState } from "react";
import { ApiError } from "../api/ask.ts";
import { company as companyQuery, list } from "../api/queries.ts";
import type { CompanyDetail } from "../api/types.ts";
import { useWrite } from "../api/write.ts";
import { usePageTitle } from "../shell/page-title.ts";
import { SignedIn } from "../shell/sign-in.tsx";
import { Badge, MadeUp } from "../ui/badge.tsx";
import { Button } from "../ui/button.tsx";
import { Confirm } from "../ui/confirm.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { capitalize, compactDollars, day, dollars, millions, percent, whole } from "../ui/format.ts";
import { PageHead } from "../ui/page-head.tsx";
import { EmptyState, Loaded, Missing } from "../ui/states.tsx";
import { Table } from "../ui/table.tsx";
import { CompanyForm } from "./company-form.tsx";

const route = getRouteApi("/companies/$companyId");
const SHOWN = 8;

export function CompanyPage() {
  const { companyId } = route.useParams();
  const query = useQuery(companyQuery(companyId));
  // Also of one that somebody removes while it is looked at: what is known of it is old then.
  const isMissing = query.error instanceof ApiError && query.error.status === 404;
  usePageTitle(isMissing ? "No such company" : (query.data?.data.name ?? "Company"));
  if (isMissing)
    return (
      <Missing title="There is no such company">
        It may have been removed. <Link to="/companies">All companies</Link>
      </Missing>
    );
  return (
    <>
      <nav aria-label="Where this page is" className="crumbs">
        <Link to="/companies">Companies</Link>
      </nav>
      <Loaded query={query} lines={10}>
        {(company) => (
          <>
            <PageHead
              title={company.name}
              text={[capitalize(company.sector), company.country].filter(Boolean).join(" · ")}
              answer={query.data}
            >
              <SignedIn to="edit">
                <Actions company={company} />
              </SignedIn>
            </PageHead>
            <Facts company={company} />
            <Deals companyId={companyId} />
            <div className="columns">
              <Contacts companyId={companyId} />
              <Projects companyId={companyId} />
            </div>
          </>
        )}
      </Loaded>
    </>
  );
}

function Actions({ company }: { company: CompanyDetail }) {
  const [editing, setEditing] = useState(false);
  const [removing, setRemoving] = useState(false);
  const navigate = useNavigate();
  const write = useWrite("companies");
  return (
    <>
      <Button icon={<Trash2 size={16} aria-hidden />} onClick={() => setRemoving(true)}>
        Remove
      </Button>
      <Button look="primary" icon={<Pencil size={16} aria-hidden />} onClick={() => setEditing(true)}>
        Edit
      </Button>
      <Dialog open={editing} onClose={() => setEditing(false)} title={`Edit ${company.name}`}>
        <CompanyForm company={company} onSaved={() => setEditing(false)} />
      </Dialog>
      <Confirm
        open={removing}
        onClose={() => setRemoving(false)}
        title={`Remove ${company.name}?`}
        text={
          company.dealsSummary.deals > 0
            ? `Its ${whole(company.dealsSummary.deals)} deals stay, without a company. This cannot be taken back.`
            : "This cannot be taken back."
        }
        action="Remove"
        busy={write.isPending}
        onConfirm={() =>
          write.mutate({
            ...{ method: "DELETE", id: company.id, query: { deals: "detach" } },
            done: `${company.name} removed`,
            onWorked: () => void navigate({ to: "/companies" }),
          })
        }
      />
    </>
  );
}

function Facts({ company }: { company: CompanyDetail }) {
  const { dealsSummary: deals } = company;
  const facts = [
    ["Employees", whole(company.employees)],
    ["Revenue", millions(company.revenueMillions)],
    ["Established", company.yearEstablished ?? "–"],
    ["Deals won", `${whole(deals.won)} of ${whole(deals.won + deals.lost)} closed`],
    ["Won value", compactDollars(deals.wonValue)],
    ["Win rate", percent(deals.winRate)],
    ["Open deals", whole(deals.open)],
    ["Last closed", day(deals.lastClosed)],
  ] as const;
  return (
    <dl className="facts card">
      {facts.map(([term, value]) => (
        <div key={term}>
          <dt>{term}</dt>
          <dd>{value}</dd>
        </div>
      ))}
      {company.sectorRaw !== null && <Corrected field="sector" raw={company.sectorRaw} />}
      {company.countryRaw !== null && <Corrected field="country" raw={company.countryRaw} />}
    </dl>
  );
}

const Corrected = ({ field, raw }: { field: string; raw: string }) => (
  <div>
    <dt>In the source</dt>
    <dd>
      {field} “{raw}”
    </dd>
  </div>
);

function Deals({ companyId }: { companyId: string }) {
  const query = useQuery(list("deals", { company: companyId, limit: SHOWN }));
  return (
    <section className="card flush" aria-labelledby="deals-title">
      <div className="section-head padded">
        <h2 id="deals-title">Latest deals</h2>
        <Link to="/deals" search={{ company: companyId }}>
          On the board
        </Link>
      </div>
      <Loaded query={query}>
        {({ items }) =>
          items.length === 0 ? (
            <EmptyState title="No deals" />
          ) : (
            <Table
              caption="Latest deals"
              rows={items}
              rowKey={({ id }) => id}
              columns={[
                {
                  title: "Deal",
                  cell: ({ id }) => (
                    <Link to="/deals" search={{ company: companyId, deal: id }} className="mono">
                      {id}
                    </Link>
                  ),
                },
                { title: "Stage", cell: ({ stage }) => <Badge>{stage}</Badge> },
                { title: "Product", cell: ({ product }) => product },
                { title: "Agent", isExtra: true, cell: ({ user }) => user },
                { title: "Engaged", isExtra: true, cell: ({ engageDate }) => day(engageDate) },
                { title: "Value", isNumber: true, cell: ({ closeValue }) => dollars(closeValue) },
              ]}
            />
          )
        }
      </Loaded>
    </section>
  );
}

function Contacts({ companyId }: { companyId: string }) {
  const query = useQuery(list("contacts", { company: companyId, limit: SHOWN }));
  return (
    <section className="card" aria-labelledby="contacts-title">
      <h2 id="contacts-title">Contacts</h2>
      <Loaded query={query} lines={3}>
        {({ items }) =>
          items.length === 0 ? (
            <EmptyState title="No contacts" />
          ) : (
            <ul className="rows">
              {items.map(({ id, name, title, email, generated }) => (
                <li key={id}>
                  <span className="strong">{name}</span> {generated && <MadeUp />}
                  <span className="muted row-note">{[title, email].filter(Boolean).join(" · ")}</span>
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </section>
  );
}

function Projects({ companyId }: { companyId: string }) {
  const query = useQuery(list("projects", { company: companyId, limit: SHOWN }));
  return (
    <section className="card" aria-labelledby="projects-title">
      <h2 id="projects-title">Projects</h2>
      <Loaded query={query} lines={3}>
        {({ items }) =>
          items.length === 0 ? (
            <EmptyState title="No projects" />
          ) : (
            <ul className="rows">
              {items.map(({ id, name, status, startsOn, endsOn, generated }) => (
                <li key={id}>
                  <span className="strong">{name}</span> <Badge>{status}</Badge> {generated && <MadeUp />}
                  <span className="muted row-note">
                    {day(startsOn)} to {endsOn === null ? "open" : day(endsOn)}
                  </span>
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </section>
  );
}

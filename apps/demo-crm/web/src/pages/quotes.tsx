import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { list, useNames } from "../api/queries.ts";
import type { Quote } from "../api/types.ts";
import { useWrite } from "../api/write.ts";
import { usePageTitle } from "../shell/page-title.ts";
import { SignedIn, useSignIn } from "../shell/sign-in.tsx";
import { Badge, MadeUp } from "../ui/badge.tsx";
import { Button } from "../ui/button.tsx";
import { Field, Select } from "../ui/field.tsx";
import { capitalize, day, dollars } from "../ui/format.ts";
import { PageHead } from "../ui/page-head.tsx";
import { Pager } from "../ui/pager.tsx";
import { EmptyState, Loaded } from "../ui/states.tsx";
import { type Column, Table } from "../ui/table.tsx";

const route = getRouteApi("/quotes");
const STATUSES = ["draft", "issued", "accepted", "declined"] as const;

export function QuotesPage() {
  usePageTitle("Quotes");
  const { page = 1, status } = route.useSearch();
  const navigate = route.useNavigate();
  const { user } = useSignIn();
  const names = useNames();
  const quotes = useQuery(list("quotes", { page, limit: 20, status }));
  const columns: Column<Quote>[] = [
    {
      title: "Number",
      cell: ({ number, generated }) => (
        <>
          <span className="strong mono">{number ?? "–"}</span> {generated && <MadeUp />}
        </>
      ),
    },
    { title: "Status", cell: (quote) => <Badge>{quote.status}</Badge> },
    { title: "Company", cell: ({ companyId }) => names.company(companyId) },
    {
      title: "Deal",
      isExtra: true,
      cell: ({ dealId }) => (
        <Link to="/deals" search={{ deal: dealId }} className="mono">
          {dealId}
        </Link>
      ),
    },
    { title: "Issued", isExtra: true, cell: ({ issuedOn }) => day(issuedOn) },
    { title: "Amount", isNumber: true, cell: ({ amount }) => dollars(amount) },
    ...(user ? [{ title: "Issue", cell: (quote: Quote) => <Issue quote={quote} /> }] : []),
  ];
  return (
    <>
      <PageHead
        title="Quotes"
        text="Made up from the deals. A draft gets the next number of its year under a lock: once, and without a gap."
        answer={quotes.data}
      >
        <SignedIn to="issue quotes">{null}</SignedIn>
      </PageHead>
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
        <Loaded query={quotes} lines={12}>
          {(found) =>
            found.items.length === 0 ? (
              <EmptyState title="No quotes" />
            ) : (
              <>
                <Table
                  caption="Quotes"
                  rows={found.items}
                  rowKey={({ id }) => id}
                  columns={columns}
                  isOld={quotes.isPlaceholderData}
                />
                <Pager
                  {...found}
                  of="quotes"
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

function Issue({ quote }: { quote: Quote }) {
  const write = useWrite<Quote>("quotes");
  if (quote.status !== "draft") return <span className="muted">–</span>;
  return (
    <Button
      className="small"
      busy={write.isPending}
      aria-label={`Issue the quote of deal ${quote.dealId}`}
      onClick={() => write.mutate({ method: "POST", id: quote.id, action: "issue", done: "Quote issued" })}
    >
      Issue
    </Button>
  );
}

import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { list, useNames } from "../api/queries.ts";
import type { Quote } from "../api/types.ts";
import { useWrite } from "../api/write.ts";
import { usePageTitle } from "../shell/page-title.ts";
import { SignedIn, useSignIn } from "../shell/sign-in.tsx";
import { Badge, MadeUp } from "../ui/badge.tsx";
import { Button } from "../ui/button.tsx";
import { day, dollars } from "../ui/format.ts";
import { ListCard } from "../ui/list-card.tsx";
import { PageHead } from "../ui/page-head.tsx";
import { StatusFilter } from "../ui/status-filter.tsx";
import { type Column, Table } from "../ui/table.tsx";
import { HEADS } from "./heads.ts";

const route = getRouteApi("/quotes");
const STATUSES = ["draft", "issued", "accepted", "declined"] as const;

export function QuotesPage() {
  usePageTitle(HEADS.quotes.title);
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
    { title: "Status", isExtra: true, cell: (quote) => <Badge>{quote.status}</Badge> },
    {
      title: "Company",
      cell: ({ companyId }) =>
        companyId === null ? (
          "–"
        ) : (
          <Link to="/companies/$companyId" params={{ companyId }}>
            {names.company(companyId)}
          </Link>
        ),
    },
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
      <PageHead {...HEADS.quotes} answer={quotes.data}>
        <SignedIn to="issue quotes">{null}</SignedIn>
      </PageHead>
      <search className="filters">
        <StatusFilter
          statuses={STATUSES}
          value={status}
          onChange={(one) => void navigate({ search: { status: one }, replace: true })}
        />
      </search>
      <ListCard
        query={quotes}
        of="quotes"
        empty={{ title: "No quotes" }}
        onPage={(next) => void navigate({ search: { status, page: next } })}
      >
        {(rows, isOld) => (
          <Table caption="Quotes" rows={rows} rowKey={({ id }) => id} columns={columns} isOld={isOld} />
        )}
      </ListCard>
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
      onClick={() =>
        write.mutate({
          ...{ method: "POST", id: quote.id, action: "issue" },
          done: ({ number }) => `Quote ${number} issued`,
        })
      }
    >
      Issue
    </Button>
  );
}

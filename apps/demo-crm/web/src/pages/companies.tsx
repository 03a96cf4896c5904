import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { useState } from "react";
import { list, sectors } from "../api/queries.ts";
import type { Company } from "../api/types.ts";
import { usePageTitle } from "../shell/page-title.ts";
import { SignedIn } from "../shell/sign-in.tsx";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Field, Select } from "../ui/field.tsx";
import { capitalize, millions, whole } from "../ui/format.ts";
import { PageHead } from "../ui/page-head.tsx";
import { Pager } from "../ui/pager.tsx";
import { EmptyState, Loaded } from "../ui/states.tsx";
import { type Column, Table } from "../ui/table.tsx";
import { TextFilter } from "../ui/text-filter.tsx";
import { CompanyForm } from "./company-form.tsx";

const route = getRouteApi("/companies");

const COLUMNS: readonly Column<Company>[] = [
  {
    title: "Company",
    sort: "name",
    cell: ({ id, name }) => (
      <Link to="/companies/$companyId" params={{ companyId: id }} className="strong">
        {name}
      </Link>
    ),
  },
  { title: "Sector", sort: "sector", cell: ({ sector }) => capitalize(sector) },
  { title: "Country", sort: "country", isExtra: true, cell: ({ country }) => country ?? "–" },
  { title: "Employees", sort: "employees", isNumber: true, cell: ({ employees }) => whole(employees) },
  {
    title: "Revenue",
    sort: "revenueMillions",
    isNumber: true,
    cell: ({ revenueMillions }) => millions(revenueMillions),
  },
];

export function CompaniesPage() {
  usePageTitle("Companies");
  const { page = 1, q, sector, sort = "name" } = route.useSearch();
  const navigate = route.useNavigate();
  const [creating, setCreating] = useState(false);
  const companies = useQuery(
    list("companies", { page, limit: 20, q, sector, sort: sort === "name" ? undefined : sort }),
  );
  const known = useQuery(sectors).data?.data ?? [];
  const set = (change: object) =>
    void navigate({ search: (before) => ({ ...before, page: undefined, ...change }), replace: true });
  return (
    <>
      <PageHead
        title="Companies"
        text="The customers that the source names, and those that were added here."
        answer={companies.data}
      >
        <SignedIn to="add a company">
          <Button look="primary" icon={<Plus size={16} aria-hidden />} onClick={() => setCreating(true)}>
            New company
          </Button>
        </SignedIn>
      </PageHead>
      <search className="filters">
        <TextFilter
          label="Name"
          placeholder="Any name"
          value={q ?? ""}
          onChange={(value) => set({ q: value || undefined })}
        />
        <Field label="Sector">
          <Select
            value={sector ?? ""}
            onChange={(event) => set({ sector: event.target.value || undefined })}
            options={[["", "All sectors"], ...known.map((name) => [name, capitalize(name)] as const)]}
          />
        </Field>
      </search>
      <div className="card flush">
        <Loaded query={companies} lines={12}>
          {(found) =>
            found.items.length === 0 ? (
              <EmptyState title="No company matches">
                <Button onClick={() => set({ q: undefined, sector: undefined })}>Show all</Button>
              </EmptyState>
            ) : (
              <>
                <Table
                  caption="Companies"
                  columns={COLUMNS}
                  rows={found.items}
                  rowKey={({ id }) => id}
                  sort={sort}
                  onSort={(next) => set({ sort: next === "name" ? undefined : next })}
                  isOld={companies.isPlaceholderData}
                />
                <Pager
                  {...found}
                  of="companies"
                  onPage={(next) => set({ page: next > 1 ? next : undefined })}
                />
              </>
            )
          }
        </Loaded>
      </div>
      <Dialog open={creating} onClose={() => setCreating(false)} title="New company">
        <CompanyForm
          onSaved={(id) => {
            setCreating(false);
            void navigate({ to: "/companies/$companyId", params: { companyId: id } });
          }}
        />
      </Dialog>
    </>
  );
}

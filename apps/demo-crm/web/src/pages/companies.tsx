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
import { ListCard } from "../ui/list-card.tsx";
import { PageHead } from "../ui/page-head.tsx";
import { type Column, Table } from "../ui/table.tsx";
import { TextFilter } from "../ui/text-filter.tsx";
import { CompanyForm } from "./company-form.tsx";
import { HEADS } from "./heads.ts";

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
  {
    title: "Employees",
    sort: "employees",
    isNumber: true,
    isExtra: true,
    cell: ({ employees }) => whole(employees),
  },
  {
    title: "Revenue",
    sort: "revenueMillions",
    isNumber: true,
    cell: ({ revenueMillions }) => millions(revenueMillions),
  },
];

export function CompaniesPage() {
  usePageTitle(HEADS.companies.title);
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
      <PageHead {...HEADS.companies} answer={companies.data}>
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
      <ListCard
        query={companies}
        of="companies"
        empty={{
          title: "No company matches",
          text: <Button onClick={() => set({ q: undefined, sector: undefined })}>Show all</Button>,
        }}
        onPage={(next) => set({ page: next })}
      >
        {(rows, isOld) => (
          <Table
            caption="Companies"
            columns={COLUMNS}
            rows={rows}
            rowKey={({ id }) => id}
            sort={sort}
            onSort={(next) => set({ sort: next === "name" ? undefined : next })}
            isOld={isOld}
          />
        )}
      </ListCard>
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

import type { Company } from "../api/types.ts";
import { Button } from "../ui/button.tsx";
import { Field, Input } from "../ui/field.tsx";
import { numberOf, textOf } from "../ui/form-values.ts";
import { useSave } from "./use-save.ts";

type Values = Pick<
  Company,
  "name" | "sector" | "country" | "employees" | "revenueMillions" | "yearEstablished"
>;

interface CompanyFormProps {
  /** Absent for a new one. */
  readonly company?: Company;
  readonly onSaved: (id: string) => void;
}

export function CompanyForm({ company, onSaved }: CompanyFormProps) {
  const { submit, busy } = useSave<Company, Values>({
    ...{ entity: "companies", title: "Company", row: company, read },
    onSaved: ({ id }) => onSaved(id),
  });
  return (
    <form onSubmit={submit} className="form">
      <div className="fields">
        <Field label="Name">
          <Input name="name" required maxLength={120} defaultValue={company?.name} />
        </Field>
        <Field label="Sector" hint="Lower-case words">
          <Input
            name="sector"
            required
            maxLength={40}
            pattern="[a-z]+([ \-][a-z]+)*"
            title="Lower-case words"
            defaultValue={company?.sector}
          />
        </Field>
        <Field label="Country">
          <Input name="country" maxLength={60} defaultValue={company?.country ?? ""} />
        </Field>
        <Field label="Year established">
          <Input
            name="yearEstablished"
            type="number"
            min={0}
            max={9999}
            defaultValue={company?.yearEstablished ?? ""}
          />
        </Field>
        <Field label="Employees">
          <Input
            name="employees"
            type="number"
            min={0}
            max={100_000_000}
            defaultValue={company?.employees ?? ""}
          />
        </Field>
        <Field label="Revenue, millions of dollars">
          <Input
            name="revenueMillions"
            type="number"
            min={0}
            max={9_999_999_999}
            step={0.01}
            defaultValue={company?.revenueMillions ?? ""}
          />
        </Field>
      </div>
      <div className="actions">
        <Button look="primary" type="submit" busy={busy}>
          {company ? "Save" : "Add company"}
        </Button>
      </div>
    </form>
  );
}

const read = (form: FormData): Values => ({
  name: textOf(form, "name") ?? "",
  sector: textOf(form, "sector") ?? "",
  country: textOf(form, "country"),
  yearEstablished: numberOf(form, "yearEstablished"),
  employees: numberOf(form, "employees"),
  revenueMillions: numberOf(form, "revenueMillions"),
});

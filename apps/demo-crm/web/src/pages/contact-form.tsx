import { useQuery } from "@tanstack/react-query";
import { list } from "../api/queries.ts";
import type { Contact } from "../api/types.ts";
import { Button } from "../ui/button.tsx";
import { Field, Input, Select } from "../ui/field.tsx";
import { textOf } from "../ui/form-values.ts";
import { useSave } from "./use-save.ts";

type Values = Pick<Contact, "name" | "companyId" | "title" | "email" | "phone">;

interface ContactFormProps {
  /** Absent for a new one. */
  readonly contact?: Contact;
  readonly onSaved: () => void;
}

export function ContactForm({ contact, onSaved }: ContactFormProps) {
  const { submit, busy } = useSave<Contact, Values>({
    ...{ entity: "contacts", title: "Contact", row: contact, read, onSaved },
  });
  const companies = useQuery(list("companies", { limit: 100 })).data?.data.items ?? [];
  return (
    <form onSubmit={submit} className="form">
      <div className="fields">
        <Field label="Name">
          <Input name="name" required maxLength={120} defaultValue={contact?.name} />
        </Field>
        <Field label="Company">
          <Select
            name="companyId"
            defaultValue={contact?.companyId ?? ""}
            options={[["", "None"], ...companies.map(({ id, name }) => [id, name] as const)]}
          />
        </Field>
        <Field label="Title">
          <Input name="title" maxLength={80} defaultValue={contact?.title ?? ""} />
        </Field>
        <Field label="Email">
          <Input name="email" type="email" maxLength={254} defaultValue={contact?.email ?? ""} />
        </Field>
        <Field label="Telephone">
          <Input
            name="phone"
            type="tel"
            maxLength={40}
            pattern="\+?[0-9][0-9 \(\)\/\-]*"
            title="Digits and blanks, with a + in front"
            defaultValue={contact?.phone ?? ""}
          />
        </Field>
      </div>
      <div className="actions">
        <Button look="primary" type="submit" busy={busy}>
          {contact ? "Save" : "Add contact"}
        </Button>
      </div>
    </form>
  );
}

const read = (form: FormData): Values => ({
  name: textOf(form, "name") ?? "",
  companyId: textOf(form, "companyId"),
  title: textOf(form, "title"),
  email: textOf(form, "email"),
  phone: textOf(form, "phone"),
});

import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { Pencil, Plus } from "lucide-react";
import { useState } from "react";
import { list, useNames } from "../api/queries.ts";
import type { Contact } from "../api/types.ts";
import { usePageTitle } from "../shell/page-title.ts";
import { SignedIn, useSignIn } from "../shell/sign-in.tsx";
import { MadeUp } from "../ui/badge.tsx";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { ListCard } from "../ui/list-card.tsx";
import { PageHead } from "../ui/page-head.tsx";
import { Table } from "../ui/table.tsx";
import { TextFilter } from "../ui/text-filter.tsx";
import { ContactForm } from "./contact-form.tsx";
import { HEADS } from "./heads.ts";

const route = getRouteApi("/contacts");

export function ContactsPage() {
  usePageTitle(HEADS.contacts.title);
  const { page = 1, q } = route.useSearch();
  const navigate = route.useNavigate();
  const { user } = useSignIn();
  const names = useNames();
  const [editing, setEditing] = useState<Contact | "new" | null>(null);
  const contacts = useQuery(list("contacts", { page, limit: 20, q }));
  return (
    <>
      <PageHead {...HEADS.contacts} answer={contacts.data}>
        <SignedIn to="add a contact">
          <Button look="primary" icon={<Plus size={16} aria-hidden />} onClick={() => setEditing("new")}>
            New contact
          </Button>
        </SignedIn>
      </PageHead>
      <search className="filters">
        <TextFilter
          label="Name"
          placeholder="Any name"
          value={q ?? ""}
          onChange={(value) => void navigate({ search: value ? { q: value } : {}, replace: true })}
        />
      </search>
      <ListCard
        query={contacts}
        of="contacts"
        empty={{
          title: "No contact matches",
          text: <Button onClick={() => void navigate({ search: {} })}>Show all</Button>,
        }}
        onPage={(next) => void navigate({ search: { q, page: next } })}
      >
        {(rows, isOld) => (
          <Table
            caption="Contacts"
            rows={rows}
            rowKey={({ id }) => id}
            isOld={isOld}
            columns={[
              {
                title: "Name",
                cell: ({ name, generated }) => (
                  <>
                    <span className="strong">{name}</span> {generated && <MadeUp />}
                  </>
                ),
              },
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
              { title: "Title", isExtra: true, cell: ({ title }) => title ?? "–" },
              { title: "Email", isExtra: true, cell: ({ email }) => email ?? "–" },
              { title: "Telephone", isExtra: true, cell: ({ phone }) => phone ?? "–" },
              ...(user
                ? [
                    {
                      title: "Edit",
                      isNumber: true,
                      cell: (contact: Contact) => (
                        <button
                          type="button"
                          className="icon-button"
                          aria-label={`Edit ${contact.name}`}
                          onClick={() => setEditing(contact)}
                        >
                          <Pencil size={16} aria-hidden />
                        </button>
                      ),
                    },
                  ]
                : []),
            ]}
          />
        )}
      </ListCard>
      <Dialog
        open={editing !== null}
        onClose={() => setEditing(null)}
        title={editing === "new" ? "New contact" : `Edit ${editing?.name ?? ""}`}
      >
        {editing !== null && (
          <ContactForm
            {...(editing === "new" ? {} : { contact: editing })}
            onSaved={() => setEditing(null)}
          />
        )}
      </Dialog>
    </>
  );
}

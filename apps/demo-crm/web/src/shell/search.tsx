import { Autocomplete } from "@base-ui/react/autocomplete";
import { Dialog } from "@base-ui/react/dialog";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Search } from "lucide-react";
import { useState } from "react";
import type { Answer } from "../api/ask.ts";
import { list } from "../api/queries.ts";
import type { Page } from "../api/types.ts";
import { useDebounced } from "../ui/use-debounced.ts";

interface Found {
  readonly id: string;
  readonly kind: "Page" | "Company" | "Contact";
  readonly title: string;
  readonly note: string;
  readonly go: () => void;
}

const PAGES = [
  ["/", "Overview"],
  ["/companies", "Companies"],
  ["/deals", "Deals board"],
  ["/contacts", "Contacts"],
  ["/tasks", "Tasks"],
  ["/leads", "Leads"],
  ["/quotes", "Quotes"],
  ["/console", "Cache console"],
  ["/console/invalidations", "Invalidations"],
  ["/console/entries", "Cache entries"],
] as const;

export function SearchDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  return (
    <Dialog.Root open={open} onOpenChange={(isOpen) => !isOpen && onClose()}>
      <Dialog.Portal>
        <Dialog.Backdrop className="backdrop" />
        <Dialog.Popup className="dialog search-dialog">
          <Dialog.Title className="visually-hidden">Search</Dialog.Title>
          <SearchBox onClose={onClose} />
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function SearchBox({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState("");
  const found = useFound(text, onClose);
  return (
    <Autocomplete.Root
      items={found.items}
      filter={null}
      inline
      open
      autoHighlight="always"
      value={text}
      onValueChange={setText}
      itemToStringValue={(item: Found) => item.title}
    >
      <div className="search-input">
        <Search size={18} aria-hidden />
        <Autocomplete.Input
          placeholder="Companies, contacts, pages"
          aria-label="Search companies, contacts and pages"
          maxLength={80}
          autoFocus
        />
        <kbd>Esc</kbd>
      </div>
      <Autocomplete.List className="search-list" aria-label="Found">
        {(item: Found) => (
          <Autocomplete.Item key={item.id} value={item} className="search-item" onClick={item.go}>
            <span>{item.title}</span>
            <span className="muted">{item.note}</span>
          </Autocomplete.Item>
        )}
      </Autocomplete.List>
      <p className="search-note muted" role="status">
        {found.isLoading
          ? "Searching…"
          : (found.error?.message ?? (found.items.length === 0 ? "Nothing found" : ""))}
      </p>
    </Autocomplete.Root>
  );
}

interface FoundItems {
  readonly items: Found[];
  readonly isLoading: boolean;
  readonly error: Error | null;
}

function useFound(text: string, onClose: () => void): FoundItems {
  const navigate = useNavigate();
  const typed = text.trim();
  const q = useDebounced(typed, 150);
  const companies = useQuery({ ...list("companies", { q, limit: 6 }), enabled: q !== "" });
  const contacts = useQuery({ ...list("contacts", { q, limit: 6 }), enabled: q !== "" });
  const then = (go: () => unknown) => () => {
    onClose();
    go();
  };
  // What was found for the text before is not what Enter is to open.
  const hasTyped = (name: string) => name.toLowerCase().includes(typed.toLowerCase());
  const pages = PAGES.filter(([, title]) => hasTyped(title)).map(
    ([to, title]): Found => ({ id: to, kind: "Page", title, note: "Page", go: then(() => navigate({ to })) }),
  );
  if (q === "") return { items: pages, isLoading: typed !== "", error: null };
  const rowsOf = <Row extends { name: string }>({ data }: { data?: Answer<Page<Row>> | undefined }) =>
    (data?.data.items ?? []).filter(({ name }) => hasTyped(name));
  const items = [
    ...rowsOf(companies).map(
      ({ id, name, sector }): Found => ({
        ...{ id: `companies/${id}`, kind: "Company", title: name, note: `Company · ${sector}` },
        go: then(() => navigate({ to: "/companies/$companyId", params: { companyId: id } })),
      }),
    ),
    ...rowsOf(contacts).map(
      ({ id, name, title }): Found => ({
        ...{ id: `contacts/${id}`, kind: "Contact", title: name, note: `Contact · ${title ?? "no title"}` },
        go: then(() => navigate({ to: "/contacts", search: { q: name } })),
      }),
    ),
    ...pages,
  ];
  return {
    items,
    isLoading: typed !== q || companies.isFetching || contacts.isFetching,
    error: companies.error ?? contacts.error,
  };
}

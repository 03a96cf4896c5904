import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { Trash2 } from "lucide-react";
import { type FormEvent, useState } from "react";
import { ApiError, ask } from "../api/ask.ts";
import type { CacheEntry } from "../api/console-types.ts";
import { usePageTitle } from "../shell/page-title.ts";
import { useSignIn } from "../shell/sign-in.tsx";
import { Button } from "../ui/button.tsx";
import { Confirm } from "../ui/confirm.tsx";
import { Field, Input } from "../ui/field.tsx";
import { textOf } from "../ui/form-values.ts";
import { whole } from "../ui/format.ts";
import { notify, notifyOfError } from "../ui/notify.ts";
import { EmptyState } from "../ui/states.tsx";
import { type Column, Table } from "../ui/table.tsx";
import { TextFilter } from "../ui/text-filter.tsx";
import { ExplainCard } from "./explain.tsx";
import { Part } from "./part.tsx";
import { entries } from "./queries.ts";

const route = getRouteApi("/console/entries");
const seconds = (value: number | null) => (value === null ? "–" : `${whole(Math.round(value))} s`);

export function EntriesPage() {
  usePageTitle("Cache entries");
  const { prefix = "", key } = route.useSearch();
  const navigate = route.useNavigate();
  const [cursors, setCursors] = useState<readonly string[]>([]);
  const query = useQuery({ ...entries(prefix, cursors.at(-1)), retry: false });
  const { user, ask: askToSignIn } = useSignIn();
  const [removing, setRemoving] = useState<string | null>(null);
  const explain = (chosen: string) => void navigate({ search: (before) => ({ ...before, key: chosen }) });
  const columns: Column<CacheEntry>[] = [
    {
      title: "Key",
      cell: (entry) => (
        <button type="button" className="key mono" onClick={() => explain(entry.key)}>
          {entry.key}
        </button>
      ),
    },
    { title: "State", cell: ({ state }) => state },
    { title: "Age", isNumber: true, isExtra: true, cell: ({ ageSeconds }) => seconds(ageSeconds) },
    { title: "Fresh for", isNumber: true, cell: ({ ttl }) => seconds(ttl) },
    { title: "Bytes", isNumber: true, isExtra: true, cell: ({ bytes }) => whole(bytes) },
    {
      title: "Remove",
      isNumber: true,
      cell: (entry) => (
        <button
          type="button"
          className="icon-button"
          aria-label={`Remove ${entry.key}`}
          onClick={() => (user ? setRemoving(entry.key) : askToSignIn())}
        >
          <Trash2 size={16} aria-hidden />
        </button>
      ),
    },
  ];
  return (
    <>
      <ExplainForm chosen={key} onExplain={explain} />
      {key !== undefined && <ExplainCard cacheKey={key} />}
      <section className="card flush" aria-labelledby="entries-title">
        <div className="section-head padded">
          <div>
            <h2 id="entries-title">Entries</h2>
            <p className="muted">
              In the order of their keys, as they are now. Removing one needs a session.
            </p>
          </div>
          <TextFilter
            label="Keys that begin with"
            placeholder="companies:"
            value={prefix}
            onChange={(value) => {
              setCursors([]);
              void navigate({
                search: (before) => ({ ...before, prefix: value || undefined }),
                replace: true,
              });
            }}
          />
        </div>
        <Part query={query} what="its entries">
          {({ items, total, next }) =>
            items.length === 0 ? (
              <EmptyState title="No entries with this beginning">Read something, and it is here.</EmptyState>
            ) : (
              <>
                <Table
                  caption="Entries of the cache"
                  rows={items}
                  rowKey={(entry) => entry.key}
                  columns={columns}
                  isOld={query.isPlaceholderData}
                />
                <div className="pager">
                  <span className="muted">{whole(total)} entries</span>
                  <span className="pager-buttons">
                    <Button
                      className="small"
                      disabled={cursors.length === 0}
                      onClick={() => setCursors(cursors.slice(0, -1))}
                    >
                      Back
                    </Button>
                    <Button
                      className="small"
                      disabled={next === null}
                      onClick={() => next !== null && setCursors([...cursors, next])}
                    >
                      Next
                    </Button>
                  </span>
                </div>
              </>
            )
          }
        </Part>
      </section>
      <RemoveEntry cacheKey={removing} onClose={() => setRemoving(null)} />
    </>
  );
}

function ExplainForm({
  chosen,
  onExplain,
}: {
  chosen: string | undefined;
  onExplain: (key: string) => void;
}) {
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const key = textOf(new FormData(event.currentTarget), "key");
    if (key) onExplain(key);
  };
  return (
    <form onSubmit={submit} className="card explain-form">
      <Field label="Why is a key served, or not?">
        {/* Made anew when another key is chosen in the table. */}
        <Input
          key={chosen}
          name="key"
          required
          maxLength={200}
          spellCheck={false}
          list="known-keys"
          defaultValue={chosen ?? "companies:hottechi"}
        />
      </Field>
      <datalist id="known-keys">
        {["companies:hottechi", "companies:list:1:20::", "analytics:leaderboard", "deals:1C1I7A6R"].map(
          (key) => (
            <option key={key} value={key} />
          ),
        )}
      </datalist>
      <Button type="submit">Explain</Button>
    </form>
  );
}

function RemoveEntry({ cacheKey, onClose }: { cacheKey: string | null; onClose: () => void }) {
  const client = useQueryClient();
  const { askAgain } = useSignIn();
  const remove = useMutation({
    mutationFn: (key: string) => ask(`/api/cache/entries/${encodeURIComponent(key)}`, { method: "DELETE" }),
    onSuccess: (_, key) => notify({ title: "Entry removed", description: key }),
    onError: (error) =>
      error instanceof ApiError && error.status === 401 ? askAgain() : notifyOfError(error),
    onSettled: () => {
      onClose();
      return client.invalidateQueries({ queryKey: ["cache-entries"] });
    },
  });
  return (
    <Confirm
      open={cacheKey !== null}
      onClose={onClose}
      title="Remove this entry?"
      text={
        <>
          <span className="mono">{cacheKey}</span> is fetched again by whoever asks for it next.
        </>
      }
      action="Remove"
      busy={remove.isPending}
      onConfirm={() => cacheKey !== null && remove.mutate(cacheKey)}
    />
  );
}

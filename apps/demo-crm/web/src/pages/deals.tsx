import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { list } from "../api/queries.ts";
import type { Deal, DealStage } from "../api/types.ts";
import { usePageTitle } from "../shell/page-title.ts";
import { SignedIn } from "../shell/sign-in.tsx";
import { Field, Select } from "../ui/field.tsx";
import { PageHead } from "../ui/page-head.tsx";
import { BoardColumn } from "./board-column.tsx";
import { DealDialog } from "./deal-dialog.tsx";
import { HEADS } from "./heads.ts";
import { STAGES, useMove } from "./move-deal.ts";
import { MoveDialog } from "./move-dialog.tsx";

const route = getRouteApi("/deals");

export function DealsPage() {
  usePageTitle(HEADS.deals.title);
  const { user, company, deal } = route.useSearch();
  const navigate = route.useNavigate();
  const users = useQuery(list("users", { limit: 100 })).data?.data.items ?? [];
  const companies = useQuery(list("companies", { limit: 100 })).data?.data.items ?? [];
  const [asking, setAsking] = useState<{ deal: Deal; to: DealStage } | null>(null);
  const move = useMove();
  const set = (change: object) =>
    void navigate({ search: (before) => ({ ...before, ...change }), replace: true });

  // What closes a deal, or begins it, needs a date and a value: those are asked for. Reopening needs nothing.
  const onMove = (moved: Deal, to: DealStage) => {
    if (moved.stage === to) return;
    if (to === "Prospecting" || (to === "Engaging" && moved.engageDate !== null))
      move.mutate({ deal: moved, to });
    else setAsking({ deal: moved, to });
  };
  return (
    <>
      <PageHead {...HEADS.deals}>
        <SignedIn to="move deals">{null}</SignedIn>
      </PageHead>
      <search className="filters">
        <Field label="Agent">
          <Select
            value={user ?? ""}
            onChange={(event) => set({ user: event.target.value || undefined })}
            options={[["", "All agents"], ...users.map(({ id, name }) => [id, name] as const)]}
          />
        </Field>
        <Field label="Company">
          <Select
            value={company ?? ""}
            onChange={(event) => set({ company: event.target.value || undefined })}
            options={[["", "All companies"], ...companies.map(({ id, name }) => [id, name] as const)]}
          />
        </Field>
      </search>
      <div className="board">
        {STAGES.map((stage) => (
          <BoardColumn
            key={stage}
            stage={stage}
            filter={{ user, company }}
            onMove={onMove}
            onOpen={(id) => set({ deal: id })}
          />
        ))}
      </div>
      {asking && <MoveDialog {...asking} onClose={() => setAsking(null)} />}
      {deal && <DealDialog id={deal} onMove={onMove} onClose={() => set({ deal: undefined })} />}
    </>
  );
}

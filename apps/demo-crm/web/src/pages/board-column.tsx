import { useInfiniteQuery } from "@tanstack/react-query";
import { type DragEvent, useState } from "react";
import { ask, search } from "../api/ask.ts";
import type { Deal, DealStage, Page } from "../api/types.ts";
import { useSignIn } from "../shell/sign-in.tsx";
import { Button } from "../ui/button.tsx";
import { whole } from "../ui/format.ts";
import { EmptyState, ErrorState, OldNote, Skeleton } from "../ui/states.tsx";
import { DealCard } from "./deal-card.tsx";

const SHOWN = 10;

interface BoardColumnProps {
  readonly stage: DealStage;
  readonly filter: { readonly user: string | undefined; readonly company: string | undefined };
  readonly onMove: (deal: Deal, to: DealStage) => void;
  readonly onOpen: (id: string) => void;
}

export function BoardColumn({ stage, filter, onMove, onOpen }: BoardColumnProps) {
  const { user } = useSignIn();
  const [isOver, setIsOver] = useState(false);
  const query = useInfiniteQuery({
    queryKey: ["deals", "board", stage, filter],
    queryFn: ({ pageParam, signal }) =>
      ask<Page<Deal>>(`/api/deals${search({ stage, ...filter, page: pageParam, limit: SHOWN })}`, { signal }),
    initialPageParam: 1,
    getNextPageParam: ({ data }) => (data.page < data.pages ? data.page + 1 : undefined),
  });
  const total = query.data?.pages[0]?.data.total;
  const deals = once(query.data?.pages.flatMap((page) => page.data.items) ?? []);
  const drop = (event: DragEvent) => {
    setIsOver(false);
    const dragged = readDragged(event);
    if (dragged) onMove(dragged, stage);
  };
  return (
    <section
      className={`column ${isOver ? "over" : ""}`}
      data-stage={stage}
      aria-labelledby={`stage-${stage}`}
      onDragOver={(event) => {
        if (!user) return;
        event.preventDefault();
        setIsOver(true);
      }}
      onDragLeave={() => setIsOver(false)}
      onDrop={drop}
    >
      <h2 id={`stage-${stage}`} className="column-title">
        {stage} <span className="count">{total === undefined ? "" : whole(total)}</span>
      </h2>
      {query.isPending && <Skeleton lines={5} />}
      {query.data && <OldNote error={query.error} />}
      {query.error && !query.data && <ErrorState error={query.error} onRetry={() => void query.refetch()} />}
      {total === 0 && <EmptyState title="No deals" />}
      <ul className="cards">
        {deals.map((deal) => (
          <li key={deal.id}>
            <DealCard deal={deal} onMove={onMove} onOpen={onOpen} />
          </li>
        ))}
      </ul>
      {query.hasNextPage && (
        <Button look="quiet" busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
          Show more of {stage}
        </Button>
      )}
    </section>
  );
}

/** A deal that moves down while the pages are read, one after the other, is in two of them. */
const once = (deals: readonly Deal[]) => [...new Map(deals.map((deal) => [deal.id, deal])).values()];

/** What `DealCard` has put into the drag; `null` when something else was dropped. */
function readDragged(event: DragEvent): Deal | null {
  const text = event.dataTransfer.getData("application/x-crm-deal");
  if (text === "") return null;
  event.preventDefault();
  return JSON.parse(text) as Deal;
}

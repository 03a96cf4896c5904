import type { Deal, DealStage, DealValues } from "../api/types.ts";
import { useWrite } from "../api/write.ts";

export const STAGES = ["Prospecting", "Engaging", "Won", "Lost"] as const satisfies readonly DealStage[];

export interface Move {
  readonly deal: Deal;
  readonly to: DealStage;
  /** What the new stage needs besides. */
  readonly values?: Partial<DealValues>;
}

/** What has to be sent so that the deal is in the stage: an open deal has no date of closing and no value. */
export function changeFor({ deal, to, values = {} }: Move): Partial<DealValues> {
  const reopens = to === "Prospecting" || to === "Engaging";
  const wasClosed = deal.closeDate !== null;
  return { stage: to, ...(reopens && wasClosed ? { closeDate: null, closeValue: null } : {}), ...values };
}

/** Moves a deal to another stage. */
export function useMove() {
  const write = useWrite<Deal>("deals");
  return {
    isPending: write.isPending,
    mutate: (move: Move, then?: () => void) =>
      write.mutate(
        {
          method: "PATCH",
          id: move.deal.id,
          body: changeFor(move),
          done: `${move.deal.company ?? move.deal.id} moved to ${move.to}`,
        },
        then ? { onSuccess: then } : {},
      ),
  };
}

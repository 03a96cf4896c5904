import type { Deal, DealStage } from "../api/types.ts";
import { useSignIn } from "../shell/sign-in.tsx";
import { day, dollars } from "../ui/format.ts";
import { MoveMenu } from "./move-menu.tsx";

interface DealCardProps {
  readonly deal: Deal;
  readonly onMove: (deal: Deal, to: DealStage) => void;
  readonly onOpen: (id: string) => void;
}

export function DealCard({ deal, onMove, onOpen }: DealCardProps) {
  const { user } = useSignIn();
  return (
    <article
      className="deal"
      draggable={Boolean(user)}
      onDragStart={(event) => event.dataTransfer.setData("application/x-crm-deal", JSON.stringify(deal))}
    >
      <div className="deal-head">
        <button
          type="button"
          className={deal.company === null ? "deal-name muted" : "deal-name"}
          onClick={() => onOpen(deal.id)}
        >
          {deal.company ?? "No company named"}
        </button>
        {user && <MoveMenu deal={deal} onMove={onMove} />}
      </div>
      <p className="deal-product">{deal.product}</p>
      <p className="muted deal-note">
        <span>{deal.user}</span>
        <span className="deal-value">{deal.closeValue === null ? "" : dollars(deal.closeValue)}</span>
      </p>
      <p className="muted deal-note">
        {deal.closeDate !== null
          ? `Closed ${day(deal.closeDate)}`
          : deal.engageDate !== null
            ? `Engaged ${day(deal.engageDate)}`
            : "Not engaged yet"}
      </p>
    </article>
  );
}

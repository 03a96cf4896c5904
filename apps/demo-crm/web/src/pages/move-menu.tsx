import { Menu } from "@base-ui/react/menu";
import { ArrowRightLeft } from "lucide-react";
import type { Deal, DealStage } from "../api/types.ts";
import { STAGES } from "./move-deal.ts";

interface MoveMenuProps {
  readonly deal: Deal;
  readonly onMove: (deal: Deal, to: DealStage) => void;
}

/** The way to move a deal that needs no pointer. */
export function MoveMenu({ deal, onMove }: MoveMenuProps) {
  return (
    <Menu.Root modal={false}>
      <Menu.Trigger
        className="icon-button"
        aria-label={`Move deal ${deal.id}, ${deal.company ?? "no company"}`}
      >
        <ArrowRightLeft size={15} aria-hidden />
      </Menu.Trigger>
      <Menu.Portal>
        <Menu.Positioner sideOffset={4} align="end" className="menu-place">
          <Menu.Popup className="menu">
            {STAGES.filter((stage) => stage !== deal.stage).map((stage) => (
              <Menu.Item key={stage} className="menu-item" onClick={() => onMove(deal, stage)}>
                <span className="stage-dot" data-stage={stage} aria-hidden />
                Move to {stage}
              </Menu.Item>
            ))}
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  );
}

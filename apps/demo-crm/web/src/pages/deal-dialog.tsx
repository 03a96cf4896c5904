import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { deal as dealQuery } from "../api/queries.ts";
import type { Deal, DealStage } from "../api/types.ts";
import { useSignIn } from "../shell/sign-in.tsx";
import { Badge } from "../ui/badge.tsx";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { day, dollars } from "../ui/format.ts";
import { CacheNote } from "../ui/page-head.tsx";
import { Loaded } from "../ui/states.tsx";
import { STAGES } from "./move-deal.ts";

interface DealDialogProps {
  readonly id: string;
  readonly onMove: (deal: Deal, to: DealStage) => void;
  readonly onClose: () => void;
}

/** One deal, at an address that can be sent to somebody. */
export function DealDialog({ id, onMove, onClose }: DealDialogProps) {
  const { user } = useSignIn();
  const query = useQuery(dealQuery(id));
  return (
    <Dialog open onClose={onClose} title={`Deal ${id}`}>
      <Loaded query={query}>
        {(deal) => (
          <>
            <dl className="facts">
              {facts(deal).map(([term, value]) => (
                <div key={term}>
                  <dt>{term}</dt>
                  <dd>{value}</dd>
                </div>
              ))}
            </dl>
            <div className="actions between">
              {query.data && <CacheNote answer={query.data} />}
              {user && (
                <span className="actions">
                  <span className="muted">Move to</span>
                  {STAGES.filter((stage) => stage !== deal.stage).map((stage) => (
                    <Button
                      key={stage}
                      className="small"
                      aria-label={`Move to ${stage}`}
                      onClick={() => onMove(deal, stage)}
                    >
                      {stage}
                    </Button>
                  ))}
                </span>
              )}
            </div>
          </>
        )}
      </Loaded>
    </Dialog>
  );
}

const facts = (deal: Deal) =>
  [
    ["Stage", <Badge key="stage">{deal.stage}</Badge>],
    [
      "Company",
      deal.companyId === null ? (
        "None named in the source"
      ) : (
        <Link key="company" to="/companies/$companyId" params={{ companyId: deal.companyId }}>
          {deal.company}
        </Link>
      ),
    ],
    ["Product", deal.productRaw === null ? deal.product : `${deal.product} (source: ${deal.productRaw})`],
    ["Agent", deal.user],
    ["Engaged", day(deal.engageDate)],
    ["Closed", day(deal.closeDate)],
    ["Value", dollars(deal.closeValue)],
    ["Version", deal.version],
  ] as const;

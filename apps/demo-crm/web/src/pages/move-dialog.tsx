import type { FormEvent } from "react";
import type { Deal, DealStage } from "../api/types.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Field, Input } from "../ui/field.tsx";
import { numberOf, textOf } from "../ui/form-values.ts";
import { today } from "../ui/format.ts";
import { useMove } from "./move-deal.ts";

interface MoveDialogProps {
  readonly deal: Deal;
  readonly to: DealStage;
  readonly onClose: () => void;
}

/** Asks for what the stage needs: a deal that is engaged has a date, one that is closed a date and a value. */
export function MoveDialog({ deal, to, onClose }: MoveDialogProps) {
  const move = useMove();
  const closes = to === "Won" || to === "Lost";
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const values = closes
      ? { closeDate: textOf(form, "closeDate"), closeValue: numberOf(form, "closeValue") }
      : { engageDate: textOf(form, "engageDate") };
    move.mutate({ deal, to, values }, onClose);
  };
  return (
    <Dialog
      open
      onClose={onClose}
      className="narrow"
      title={`Move to ${to}`}
      description={`${deal.company ?? "No company named"}, ${deal.product}`}
    >
      <form onSubmit={submit} className="form">
        {closes ? (
          <>
            <Field label="Closed on">
              <Input
                name="closeDate"
                type="date"
                required
                min={deal.engageDate ?? "1900-01-01"}
                max="2999-12-31"
                defaultValue={deal.closeDate ?? today()}
              />
            </Field>
            <Field label="Value, dollars">
              <Input
                name="closeValue"
                type="number"
                required
                min={0}
                max={2_000_000_000}
                defaultValue={deal.closeValue ?? (to === "Lost" ? 0 : "")}
              />
            </Field>
          </>
        ) : (
          <Field label="Engaged on">
            <Input
              name="engageDate"
              type="date"
              required
              min="1900-01-01"
              max="2999-12-31"
              defaultValue={today()}
            />
          </Field>
        )}
        <div className="actions">
          <Button look="primary" type="submit" busy={move.isPending}>
            Move to {to}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

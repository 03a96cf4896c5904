import { AlertDialog } from "@base-ui/react/alert-dialog";
import type { ReactNode } from "react";
import { Button } from "./button.tsx";

interface ConfirmWindowProps {
  readonly open: boolean;
  readonly title: string;
  readonly text: ReactNode;
  /** What the button says that does it. */
  readonly action: string;
  readonly busy?: boolean;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
}

/** Asks before something that cannot be taken back. */
export function ConfirmWindow({
  open,
  title,
  text,
  action,
  busy = false,
  onConfirm,
  onClose,
}: ConfirmWindowProps) {
  return (
    <AlertDialog.Root open={open} onOpenChange={(isOpen) => !isOpen && onClose()}>
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className="backdrop" />
        <AlertDialog.Popup className="dialog narrow">
          <AlertDialog.Title className="dialog-title">{title}</AlertDialog.Title>
          <AlertDialog.Description className="muted dialog-text">{text}</AlertDialog.Description>
          <div className="actions">
            <AlertDialog.Close className="button secondary">Cancel</AlertDialog.Close>
            <Button look="danger" busy={busy} onClick={onConfirm}>
              {action}
            </Button>
          </div>
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}

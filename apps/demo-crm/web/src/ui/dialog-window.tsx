import { Dialog as Base } from "@base-ui/react/dialog";
import { X } from "lucide-react";
import type { ReactNode } from "react";

interface DialogWindowProps {
  readonly open: boolean;
  readonly onClose: () => void;
  readonly title: string;
  readonly description?: ReactNode;
  readonly className?: string;
  readonly children: ReactNode;
}

/** A modal dialog: focus is kept in it, Escape closes it, and focus returns to where it came from. */
export function DialogWindow({
  open,
  onClose,
  title,
  description,
  className = "",
  children,
}: DialogWindowProps) {
  return (
    <Base.Root open={open} onOpenChange={(isOpen) => !isOpen && onClose()}>
      <Base.Portal>
        <Base.Backdrop className="backdrop" />
        <Base.Popup className={`dialog ${className}`}>
          <header className="dialog-head">
            <Base.Title className="dialog-title">{title}</Base.Title>
            <Base.Close className="icon-button" aria-label="Close">
              <X size={18} aria-hidden />
            </Base.Close>
          </header>
          {description && <Base.Description className="muted dialog-text">{description}</Base.Description>}
          {children}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}

import { Dialog } from "@base-ui/react/dialog";
import { X } from "lucide-react";
import { Account } from "./account.tsx";
import { Brand } from "./brand.tsx";
import { Navigation } from "./navigation.tsx";

/** The navigation where there is no room for it at the side. */
export function MenuDrawer({ open, onClose }: { open: boolean; onClose: () => void }) {
  return (
    <Dialog.Root open={open} onOpenChange={(isOpen) => !isOpen && onClose()}>
      <Dialog.Portal>
        <Dialog.Backdrop className="backdrop" />
        <Dialog.Popup className="drawer">
          <div className="drawer-head">
            <Dialog.Title className="visually-hidden">Menu</Dialog.Title>
            <Brand />
            <Dialog.Close className="icon-button" aria-label="Close the menu">
              <X size={20} aria-hidden />
            </Dialog.Close>
          </div>
          <Navigation onNavigate={onClose} />
          <Account />
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

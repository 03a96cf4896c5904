import { Toast } from "@base-ui/react/toast";
import { X } from "lucide-react";
import { useEffect } from "react";
import type { Notice } from "./notify.ts";

const manager = Toast.createToastManager();
const shown = Promise.withResolvers<void>();

/** For `notify`, which loads this. */
export async function showToast({ title, description, isError = false }: Notice): Promise<void> {
  // What is added before somebody shows it is lost.
  await shown.promise;
  manager.add({
    title,
    ...(description === undefined ? {} : { description }),
    type: isError ? "error" : "done",
    priority: isError ? "high" : "low",
    timeout: isError ? 12_000 : 5_000,
  });
}

export function Toasts() {
  useEffect(() => shown.resolve(), []);
  return (
    <Toast.Provider toastManager={manager} limit={3}>
      <Toast.Portal>
        <Toast.Viewport className="toasts">
          <ToastList />
        </Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  );
}

function ToastList() {
  const { toasts } = Toast.useToastManager();
  return toasts.map((toast) => (
    <Toast.Root key={toast.id} toast={toast} className="toast" data-kind={toast.type}>
      <div className="toast-text">
        <Toast.Title className="toast-title" />
        <Toast.Description className="muted" />
      </div>
      <Toast.Close className="icon-button" aria-label="Close the message">
        <X size={16} aria-hidden />
      </Toast.Close>
    </Toast.Root>
  ));
}

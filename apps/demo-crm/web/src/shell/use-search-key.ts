import { useEffect } from "react";

/** `/` and Ctrl+K, or ⌘K, from anywhere but a field that one types into. */
export function useSearchKey(open: () => void): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const isCommand = event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey);
      const { target } = event;
      const isTyping =
        target instanceof HTMLElement && target.matches("input, select, textarea, [contenteditable]");
      if (!isCommand && (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey))
        return;
      event.preventDefault();
      open();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [open]);
}

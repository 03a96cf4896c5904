import { useSyncExternalStore } from "react";

export type Theme = "system" | "light" | "dark";
const listeners = new Set<() => void>();

export function readTheme(): Theme {
  // The build, which draws the pages, has no document.
  const theme = globalThis.document?.documentElement.dataset.theme;
  return theme === "light" || theme === "dark" ? theme : "system";
}

export function setTheme(theme: Theme): void {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    if (theme === "system") localStorage.removeItem("theme");
    else localStorage.setItem("theme", theme);
  } catch {
    // Without storage it holds until the window is closed.
  }
  for (const listener of listeners) listener();
}

export const useTheme = (): Theme =>
  useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, readTheme);

const systemDark = () => globalThis.matchMedia?.("(prefers-color-scheme: dark)");

/** Whether dark is what is seen, whoever has decided it. Drawings that CSS does not reach need to know. */
export const useIsDark = (): boolean => {
  const theme = useTheme();
  const systemIsDark = useSyncExternalStore(
    (listener) => {
      const dark = systemDark();
      dark?.addEventListener("change", listener);
      return () => dark?.removeEventListener("change", listener);
    },
    () => systemDark()?.matches ?? false,
  );
  return theme === "system" ? systemIsDark : theme === "dark";
};

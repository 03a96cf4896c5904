// Before the first paint, so that nobody is shown the wrong theme for a moment. `src/shell/theme.ts` changes it later.
try {
  const theme = localStorage.getItem("theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Without storage the system decides.
}

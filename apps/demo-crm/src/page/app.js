import { ask } from "./api.js";
import { startCache } from "./cache.js";
import { startCompanies } from "./companies.js";
import { startCompanyDialog } from "./company.js";
import { startComparison } from "./comparison.js";
import { find } from "./dom.js";
import { startLive } from "./live.js";
import { showReport } from "./report.js";

const root = document.documentElement;
const saved = localStorage.getItem("theme");
if (saved === "dark" || saved === "light") root.dataset.theme = saved;
find("theme").addEventListener("click", () => {
  const dark = root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("theme", root.dataset.theme);
});

startLive();
startComparison();
startCompanyDialog();
startCompanies();
startCache();
showReport();
ask("/api/conditions")
  .then(({ data }) => {
    find("conditions").textContent =
      `${data.database} · ${data.cache} · Node ${data.node} · ${data.cores} cores`;
    find("conditions").title = find("conditions").textContent;
  })
  .catch(() => {});

import { ask } from "./api.js";
import { openCompany } from "./company.js";
import { find, make, money, showCache, whole } from "./dom.js";

const LIMIT = 10;

export function startCompanies() {
  const form = find("companies-filter");
  const table = find("companies");
  const state = find("companies-state");
  let page = 1;
  let request;

  async function load() {
    request?.abort();
    const current = new AbortController();
    request = current;
    table.setAttribute("aria-busy", "true");
    const filter = new FormData(form);
    const query = new URLSearchParams({ page, limit: LIMIT });
    for (const name of ["q", "sector"]) {
      const value = String(filter.get(name)).trim();
      if (value) query.set(name, value);
    }
    try {
      const answer = await ask(`/api/companies?${query}`, { signal: current.signal });
      show(answer.data);
      showCache(find("companies-cache"), answer);
    } catch (error) {
      if (error.name === "AbortError") return;
      table.tBodies[0].replaceChildren();
      state.replaceChildren(
        make("span", { role: "alert" }, `${error.message} `),
        make("button", { type: "button", class: "quiet", onclick: load }, "Try again"),
      );
      state.hidden = false;
    }
    table.removeAttribute("aria-busy");
  }

  function show({ items, page: shown, pages, total }) {
    table.tBodies[0].replaceChildren(
      ...items.map((company) =>
        make(
          "tr",
          {},
          make(
            "th",
            { scope: "row" },
            make(
              "button",
              { type: "button", class: "link", onclick: () => openCompany(company.id, load) },
              company.name,
            ),
          ),
          make("td", {}, company.sector, make("span", { class: "sub narrow" }, company.country ?? "")),
          make("td", { class: "wide" }, company.country ?? "–"),
          make("td", { class: "number" }, whole(company.employees)),
          make("td", { class: "number wide" }, money(company.revenueMillions)),
        ),
      ),
    );
    state.textContent = "No company matches. Try a shorter name or another sector.";
    state.hidden = items.length > 0;
    find("companies-page").textContent = `Page ${shown} of ${pages}, ${whole(total)} companies`;
    find("companies-previous").disabled = shown <= 1;
    find("companies-next").disabled = shown >= pages;
  }

  const turn = (step) => () => {
    page += step;
    load();
  };
  find("companies-previous").addEventListener("click", turn(-1));
  find("companies-next").addEventListener("click", turn(1));
  let typing;
  form.addEventListener("input", () => {
    page = 1;
    clearTimeout(typing);
    typing = setTimeout(load, 150);
  });
  form.addEventListener("submit", (event) => event.preventDefault());

  ask("/api/sectors")
    .then(({ data }) =>
      form.elements.sector.append(...data.map((sector) => make("option", { value: sector }, sector))),
    )
    .catch(() => {});
  return load();
}

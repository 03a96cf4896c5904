import { ask } from "./api.js";
import { facts, find, milliseconds, percent, showCache, whole } from "./dom.js";

let open = { id: undefined, onChange: () => {} };

/** Opens the dialog with one company. */
export async function openCompany(id, onChange) {
  open = { id, onChange };
  find("company-title").textContent = "Loading…";
  find("company-deals").replaceChildren();
  find("company-result").hidden = true;
  find("company-save").disabled = true;
  find("company").showModal();
  try {
    fill(await read());
  } catch (error) {
    find("company-title").textContent = "Not available";
    tell(error.message, true);
  }
}

export function startCompanyDialog() {
  const dialog = find("company");
  find("company-close").addEventListener("click", () => dialog.close());
  // A click on the backdrop arrives at the dialog itself.
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  find("company-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const save = find("company-save");
    save.disabled = true;
    try {
      const form = new FormData(event.target);
      if (!find("sign-in").hidden) await signIn(form);
      await saveAndReadAgain(form);
    } catch (error) {
      // Looking needs no session; writing does.
      if (error.code === "NOT_SIGNED_IN") askToSignIn(true);
      tell(error.message, true);
    } finally {
      save.disabled = false;
    }
  });
}

async function signIn(form) {
  const { user, password } = Object.fromEntries(form);
  await ask("/api/session", { method: "POST", body: JSON.stringify({ user, password }) });
  askToSignIn(false);
}

function askToSignIn(needed) {
  const fields = find("sign-in");
  fields.hidden = !needed;
  // A hidden field that is required could not be filled in.
  fields.disabled = !needed;
  if (needed) find("company-form").elements.password.focus();
  else find("company-form").elements.password.value = "";
}

async function saveAndReadAgain(form) {
  const amount = (name) => (form.get(name) === "" ? null : Number(form.get(name)));
  const change = {
    name: form.get("name"),
    sector: form.get("sector"),
    employees: amount("employees"),
    revenueMillions: amount("revenueMillions"),
  };
  const written = await ask(`/api/companies/${open.id}`, { method: "PATCH", body: JSON.stringify(change) });
  const again = await read();
  fill(again);
  const current = again.data.version >= written.data.version;
  const removed =
    written.meta.cache === "pending"
      ? "The cache could not be told yet and retries; this server does not serve the old value."
      : `${whole(written.meta.removed)} cached ${written.meta.removed === 1 ? "entry was" : "entries were"} removed.`;
  tell(
    `Version ${written.data.version} is committed. ${removed} Read again in ${milliseconds(again.serverMs)}: version ${again.data.version}, ${current ? "up to date" : "STALE"}.`,
    !current,
  );
  open.onChange();
}

async function read() {
  const answer = await ask(`/api/companies/${open.id}`);
  showCache(find("company-read"), answer);
  return answer;
}

function fill({ data }) {
  find("company-title").textContent = data.name;
  const { elements } = find("company-form");
  for (const name of ["name", "sector", "employees", "revenueMillions"])
    elements[name].value = data[name] ?? "";
  const { deals, won, open: unclosed, wonValue, winRate } = data.dealsSummary;
  find("company-deals").replaceChildren(
    ...facts([
      ["Deals", whole(deals)],
      ["Open", whole(unclosed)],
      ["Won", whole(won)],
      ["Won, $", whole(wonValue)],
      ["Win rate", percent(winRate, 0)],
      ["Country", data.country ?? "–"],
    ]).children,
  );
  find("company-save").disabled = false;
}

function tell(message, isError) {
  const result = find("company-result");
  result.textContent = message;
  result.className = `banner ${isError ? "error" : ""}`;
  result.hidden = false;
}

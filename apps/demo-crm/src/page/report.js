import { ask } from "./api.js";
import { facts, find, make, whole } from "./dom.js";

const KINDS = { corrected: "read differently", missing: "missing", observed: "left as it is" };

/** What the import found in the data. */
export async function showReport() {
  const host = find("report");
  try {
    const { data } = await ask("/api/import/report");
    const { rowsStored: stored, rejected } = data;
    const findings = Object.entries(KINDS).flatMap(([kind, title]) =>
      data[kind].map((finding) => ({ ...finding, title })),
    );
    const item = (rows, tag, note) =>
      make(
        "li",
        {},
        make("span", { class: "count" }, whole(rows)),
        make("span", {}, note, " ", make("span", { class: "tag" }, tag)),
      );
    host.replaceChildren(
      facts(
        ["companies", "users", "products", "deals"].map((table) => [table, whole(stored[table])]),
        "counts",
      ),
      make(
        "ul",
        { class: "findings" },
        ...findings.map(({ rows, table, field, note, title }) =>
          item(rows, `${table}.${field}, ${title}`, note),
        ),
        item(rejected.rows, "", "rows could not be used"),
      ),
    );
  } catch (error) {
    host.replaceChildren(make("p", { class: "empty", role: "alert" }, error.message));
  }
}

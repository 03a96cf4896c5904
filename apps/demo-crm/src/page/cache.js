import { ask } from "./api.js";
import { facts, find, make, percent, whole } from "./dom.js";

const REFRESH_MS = 5_000;

/** The statistics, and the form that explains one key. */
export function startCache() {
  const host = find("stats");
  async function refresh() {
    if (document.hidden) return;
    try {
      const { data } = await ask("/api/cache/stats");
      host.replaceChildren(
        facts([
          ["Store", data.connected ? "connected" : "away"],
          ["Entries", whole(data.keys)],
          ["Memory", data.memory],
          ["Hit rate", percent(data.hitRate)],
          ["Fetches", whole(data.fetches)],
          ["Refused fills", whole(data.revokedFills)],
          ["Served stale", whole(data.staleServed)],
          ["Pending", whole(data.pendingInvalidations)],
        ]),
        ...data.warnings.map((warning) => make("p", { class: "banner" }, warning)),
      );
    } catch (error) {
      host.replaceChildren(make("p", { class: "empty", role: "alert" }, error.message));
    }
  }
  refresh();
  setInterval(refresh, REFRESH_MS);

  find("explain").addEventListener("submit", async (event) => {
    event.preventDefault();
    const result = find("explain-result");
    const key = String(new FormData(event.target).get("key"));
    try {
      const { data } = await ask(`/api/cache/explain?${new URLSearchParams({ key })}`);
      result.replaceChildren(...explanation(data));
    } catch (error) {
      result.replaceChildren(make("p", { class: "empty", role: "alert" }, error.message));
    }
  });
}

function explanation(found) {
  const seconds = (value) => (value === null ? "–" : `${whole(Math.round(value))} s`);
  return [
    make("p", { class: "reason" }, found.reason),
    facts([
      ["Found", found.found],
      ["State", found.state],
      ["Age", seconds(found.ageSeconds)],
      ["Fresh for", seconds(found.ttl)],
      ["Bytes", whole(found.bytes)],
    ]),
    facts([["Tags", found.tags.join(", ") || "–"]]),
  ];
}

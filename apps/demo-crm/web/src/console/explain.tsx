import { useQuery } from "@tanstack/react-query";
import type { Explanation } from "../api/types.ts";
import { whole } from "../ui/format.ts";
import { Loaded } from "../ui/states.tsx";
import { explain } from "./queries.ts";

export function ExplainCard({ cacheKey }: { cacheKey: string }) {
  const query = useQuery(explain(cacheKey));
  return (
    <section className="card" aria-label={`Explanation of ${cacheKey}`} aria-live="polite">
      <Loaded query={query} lines={2}>
        {(found) => (
          <>
            <h2 className="mono">{found.key}</h2>
            <p>{found.reason}</p>
            <dl className="facts">
              {facts(found).map(([term, value]) => (
                <div key={term}>
                  <dt>{term}</dt>
                  <dd>{value}</dd>
                </div>
              ))}
            </dl>
          </>
        )}
      </Loaded>
    </section>
  );
}

const seconds = (value: number | null) => (value === null ? "–" : `${whole(Math.round(value))} s`);

const facts = (found: Explanation) =>
  [
    ["Found in", found.found],
    ["State", found.state],
    ["Age", seconds(found.ageSeconds)],
    ["Fresh for", seconds(found.ttl)],
    ["Gone in", seconds(found.expiresIn)],
    ["Bytes", whole(found.bytes)],
    ["Codec", found.codec ?? "–"],
    ["Being fetched", found.leased ? "yes" : "no"],
    ["Tags", found.tags.join(", ") || "–"],
  ] as const;

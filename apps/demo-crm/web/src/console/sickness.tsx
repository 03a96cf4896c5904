import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { ask } from "../api/ask.ts";
import type { Sickness } from "../api/console-types.ts";
import { Field, Select } from "../ui/field.tsx";
import { notifyOfError } from "../ui/notify.ts";
import { conditions, sickness } from "./queries.ts";

const SLOW_MS = 400;
const REDIS = [
  ["none", "Well"],
  ["slow", `Slow: ${SLOW_MS} ms more`],
  ["cut", "Cut: connections end"],
  ["dead", "Dead: nothing answers"],
] as const;
const ORIGIN = [
  ["0", "As fast as it is"],
  ["200", "200 ms more a query"],
  ["1000", "1 s more a query"],
] as const;

/** Switches that make Redis and the database sick. A server that is not in development has none, and nothing is shown. */
export function SicknessSwitches() {
  const isDevelopment = useQuery(conditions).data?.data.mode === "development";
  const query = useQuery({ ...sickness, retry: false, enabled: isDevelopment });
  const client = useQueryClient();
  const change = useMutation({
    mutationFn: (body: Partial<Sickness>) => ask<Sickness>("/api/dev/sickness", { method: "POST", body }),
    onSuccess: (answer) => client.setQueryData(sickness.queryKey, answer),
    onError: notifyOfError,
  });
  const state = query.data?.data;
  if (!state) return null;
  return (
    <section className="card" aria-labelledby="sickness-title">
      <div>
        <h2 id="sickness-title">Make it sick</h2>
        <p className="muted">
          In development alone. Watch that the app keeps answering, and that nothing stale is read.
        </p>
      </div>
      <div className="sickness">
        {state.redis === null ? (
          <p className="muted">No Redis that could be made sick: start with REDIS_URL.</p>
        ) : (
          <Field label="Redis">
            <Select
              value={state.redis}
              options={REDIS}
              onChange={({ target }) =>
                change.mutate({
                  redis: target.value as NonNullable<Sickness["redis"]>,
                  redisDelayMs: target.value === "slow" ? SLOW_MS : 0,
                })
              }
            />
          </Field>
        )}
        <Field label="Database">
          <Select
            value={String(state.originDelayMs)}
            options={ORIGIN}
            onChange={({ target }) => change.mutate({ originDelayMs: Number(target.value) })}
          />
        </Field>
      </div>
    </section>
  );
}

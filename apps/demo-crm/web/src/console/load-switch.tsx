import { useMutation } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { ask } from "../api/ask.ts";
import type { LoadState } from "../api/types.ts";
import { whole } from "../ui/format.ts";
import { notifyOfError } from "../ui/notify.ts";

export function LoadSwitch({ load: sampled }: { load: LoadState | undefined }) {
  // What was answered holds until the next sample says so.
  const [answered, setAnswered] = useState<{ instead: LoadState | undefined; load: LoadState } | null>(null);
  const load = answered?.instead === sampled ? answered?.load : sampled;
  const latest = useRef(sampled);
  latest.current = sampled;
  const change = useMutation({
    mutationFn: (running: boolean) => ask<LoadState>("/api/load", { method: "POST", body: { running } }),
    onSuccess: ({ data }) => setAnswered({ instead: latest.current, load: data }),
    onError: notifyOfError,
  });
  const running = change.isPending ? change.variables : (load?.running ?? false);
  return (
    <div className="stack">
      <label className="switch">
        <input
          type="checkbox"
          role="switch"
          checked={running}
          aria-checked={running}
          disabled={load === undefined || change.isPending}
          onChange={({ target }) => change.mutate(target.checked)}
        />
        {load?.running ? `Load runs, ${load.secondsLeft} s left` : "Run load"}
      </label>
      {load !== undefined && load.errors > 0 && (
        <p className="banner bad" role="alert">
          {whole(load.errors)} operations of the load failed; the server's log says why.
        </p>
      )}
    </div>
  );
}

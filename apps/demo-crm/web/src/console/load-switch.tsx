import { useMutation } from "@tanstack/react-query";
import { ApiError, ask } from "../api/ask.ts";
import type { LoadState } from "../api/types.ts";
import { whole } from "../ui/format.ts";
import { notify } from "../ui/notify.ts";

export function LoadSwitch({ load }: { load: LoadState | undefined }) {
  const change = useMutation({
    mutationFn: (running: boolean) => ask<LoadState>("/api/load", { method: "POST", body: { running } }),
    onError: (error) =>
      notify({
        title: error.message,
        description: error instanceof ApiError ? error.detail : undefined,
        isError: true,
      }),
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

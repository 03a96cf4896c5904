import { useEffect, useState } from "react";
import type { LiveSample } from "../api/types.ts";

const KEPT = 125;

/** The samples of the last two minutes, one more each second, for as long as the page that shows them is open. */
export function useLive(): { samples: readonly LiveSample[]; isLost: boolean } {
  const [samples, setSamples] = useState<readonly LiveSample[]>([]);
  const [isLost, setLost] = useState(false);
  useEffect(() => {
    const source = new EventSource("/api/live");
    source.addEventListener("open", () => setLost(false));
    source.addEventListener("error", () => setLost(true));
    source.addEventListener("history", ({ data }) => setSamples(JSON.parse(data)));
    source.addEventListener("sample", ({ data }) =>
      setSamples((before) => [...before, JSON.parse(data) as LiveSample].slice(-KEPT)),
    );
    const leave = () => source.close();
    window.addEventListener("pagehide", leave);
    return () => {
      window.removeEventListener("pagehide", leave);
      source.close();
    };
  }, []);
  return { samples, isLost };
}

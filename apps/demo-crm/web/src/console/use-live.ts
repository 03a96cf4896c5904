import { useEffect, useState } from "react";
import type { LiveSample } from "../api/types.ts";

const KEPT = 125;
const AGAIN_MS = 3_000;

/** The samples of the last two minutes, one more each second, for as long as the page that shows them is open. */
export function useLive(): { samples: readonly LiveSample[]; isLost: boolean } {
  const [samples, setSamples] = useState<readonly LiveSample[]>([]);
  const [isLost, setLost] = useState(false);
  useEffect(() => {
    let source: EventSource;
    let again: number | undefined;
    const open = () => {
      source = new EventSource("/api/live");
      source.addEventListener("open", () => setLost(false));
      source.addEventListener("error", () => {
        setLost(true);
        // Refused, and not merely interrupted: the browser does not try again by itself.
        if (source.readyState === EventSource.CLOSED) again = window.setTimeout(open, AGAIN_MS);
      });
      source.addEventListener("history", ({ data }) => setSamples(JSON.parse(data)));
      source.addEventListener("sample", ({ data }) =>
        setSamples((before) => [...before, JSON.parse(data) as LiveSample].slice(-KEPT)),
      );
    };
    // A page that the browser keeps for "back" would keep the connection from those that are seen.
    const leave = () => {
      window.clearTimeout(again);
      source.close();
    };
    const comeBack = (event: PageTransitionEvent) => {
      if (event.persisted) open();
    };
    open();
    window.addEventListener("pagehide", leave);
    window.addEventListener("pageshow", comeBack);
    return () => {
      window.removeEventListener("pagehide", leave);
      window.removeEventListener("pageshow", comeBack);
      leave();
    };
  }, []);
  return { samples, isLost };
}

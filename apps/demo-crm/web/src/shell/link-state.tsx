import { useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useEffect, useState } from "react";
import { followChanges, type LinkState } from "../api/changes.ts";

const Context = createContext<LinkState>("connecting");

/** Whether this window is told of changes. */
export const useLinkState = (): LinkState => useContext(Context);

export function LinkProvider({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const [state, setState] = useState<LinkState>("connecting");
  useEffect(() => {
    let end = followChanges(client, setState);
    // A page that the browser keeps for "back", or puts to sleep, would keep the stream, or the lock, from the windows that are seen.
    const leave = () => {
      end();
      setState("connecting");
    };
    const comeBack = () => {
      end();
      end = followChanges(client, setState);
    };
    const comeBackFromCache = (event: PageTransitionEvent) => {
      if (event.persisted) comeBack();
    };
    window.addEventListener("pagehide", leave);
    window.addEventListener("pageshow", comeBackFromCache);
    document.addEventListener("freeze", leave);
    document.addEventListener("resume", comeBack);
    return () => {
      window.removeEventListener("pagehide", leave);
      window.removeEventListener("pageshow", comeBackFromCache);
      document.removeEventListener("freeze", leave);
      document.removeEventListener("resume", comeBack);
      end();
    };
  }, [client]);
  return <Context value={state}>{children}</Context>;
}

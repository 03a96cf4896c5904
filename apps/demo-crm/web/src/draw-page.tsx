import { createMemoryHistory } from "@tanstack/react-router";
import { renderToStringAsync } from "preact-render-to-string";
import { App } from "./app.tsx";
import { drawInPieces } from "./first-draw.ts";
import { router } from "./router.tsx";

/** The page of an address as HTML, before its data are there: what a browser begins with. One at a time. */
export async function drawPage(path: string): Promise<string> {
  // Nobody answers: what is shown is what is shown while it loads.
  globalThis.fetch = () => new Promise(() => {});
  // The router would restore positions with a script in the page, which the content security policy does not allow.
  router.update({
    history: createMemoryHistory({ initialEntries: [path] }),
    scrollRestoration: false,
  });
  await router.load();
  drawInPieces();
  return renderToStringAsync(<App />);
}

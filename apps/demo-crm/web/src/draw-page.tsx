import { createMemoryHistory } from "@tanstack/react-router";
import { renderToStringAsync } from "preact-render-to-string";
import { App } from "./app.tsx";
import { drawInPieces } from "./first-draw.ts";
import { makeRouter } from "./router.tsx";

/** The page of a path as HTML, before its data are there: what a browser begins with. */
export async function drawPage(path: string): Promise<string> {
  // Nobody answers: what is drawn is what is seen while it loads.
  globalThis.fetch = () => new Promise(() => {});
  const router = makeRouter(createMemoryHistory({ initialEntries: [path] }));
  await router.load();
  drawInPieces();
  return renderToStringAsync(<App router={router} />);
}

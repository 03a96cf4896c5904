import "@fontsource-variable/inter/wght.css";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/controls.css";
import "./styles/shell.css";
import "./styles/content.css";
import "uplot/dist/uPlot.min.css";
import "./styles/console.css";
import { createRoot, hydrateRoot } from "react-dom/client";
import { App } from "./app.tsx";
import { takeEarlyActs } from "./early-acts.ts";
import { drawInPieces, firstDrawn, nextTask } from "./first-draw.ts";
import { makeRouter } from "./router.tsx";

/**
 * What was served stays until the code of the page is there, and is then taken over. Each step has a task of its own, so that whoever
 * clicks meanwhile does not wait for all of them.
 */
async function start(): Promise<void> {
  await nextTask();
  const router = makeRouter();
  await nextTask();
  // What could not be loaded is shown by the router.
  await router.load().catch(() => {});
  await nextTask();
  const root = document.getElementById("root")!;
  const doAgain = takeEarlyActs(root);
  // The build has drawn the page of each path. What else an address says may show something else, which is drawn anew.
  if (root.childElementCount > 0 && window.location.search === "") {
    drawInPieces();
    hydrateRoot(root, <App router={router} />);
  } else createRoot(root).render(<App router={router} />);
  await firstDrawn();
  doAgain();
}

// Not awaited here: scripts of pages import from this one, and would wait for its end.
void start();

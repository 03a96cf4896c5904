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
import { drawInPieces, firstDrawn, nextTask } from "./first-draw.ts";
import { router } from "./router.tsx";

function draw(): void {
  const root = document.getElementById("root")!;
  // The build has drawn the page of each path. What else an address says may show something else, which is then drawn anew.
  if (root.childElementCount > 0 && window.location.search === "") {
    drawInPieces();
    hydrateRoot(root, <App />);
  } else createRoot(root).render(<App />);
  void firstDrawn();
}

// What was served stays until the code of the page is there; and each step has a task of its own, so that whoever clicks meanwhile
// does not wait for all of them. Not awaited at the top: scripts of pages import from this one, and would wait for its end. What
// could not be loaded is shown by the router.
nextTask()
  .then(() => router.load())
  .then(nextTask, nextTask)
  .then(draw);

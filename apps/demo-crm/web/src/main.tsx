import "@fontsource-variable/inter/wght.css";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/controls.css";
import "./styles/shell.css";
import "./styles/content.css";
import { CSPProvider } from "@base-ui/react/csp-provider";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { lazy, StrictMode, Suspense } from "react";
import { createRoot } from "react-dom/client";
import { queryClient } from "./api/query-client.ts";
import { router } from "./router.tsx";
import { LinkProvider } from "./shell/link-state.tsx";
import { SignInProvider } from "./shell/sign-in.tsx";

// Nobody is told anything before the first page is there: what tells it comes after it.
const Toasts = lazy(async () => ({ default: (await import("./ui/toasts.tsx")).Toasts }));

function render(): void {
  createRoot(document.getElementById("root")!).render(
    <StrictMode>
      {/* The content security policy of the server allows no inline styles. */}
      <CSPProvider disableStyleElements>
        <QueryClientProvider client={queryClient}>
          <LinkProvider>
            <SignInProvider>
              <RouterProvider router={router} />
            </SignInProvider>
            <Suspense fallback={null}>
              <Toasts />
            </Suspense>
          </LinkProvider>
        </QueryClientProvider>
      </CSPProvider>
    </StrictMode>,
  );
}

// What index.html has drawn stays until the page of this address can take its place; and the page is drawn in a task of its own, so that
// whoever clicks meanwhile does not wait for both. Not awaited at the top: scripts of pages import from this one, and would wait for its end. What
// could not be loaded is shown by the router.
router.load().then(render, render);

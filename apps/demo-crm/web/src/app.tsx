import { CSPProvider } from "@base-ui/react/csp-provider";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { queryClient } from "./api/query-client.ts";
import type { makeRouter } from "./router.tsx";
import { LinkProvider } from "./shell/link-state.tsx";
import { SignInProvider } from "./shell/sign-in.tsx";

/** All of it, for a browser and for the build, which draws each page once. */
export const App = ({ router }: { router: ReturnType<typeof makeRouter> }) => (
  <StrictMode>
    {/* The content security policy of the server allows no inline styles. */}
    <CSPProvider disableStyleElements>
      <QueryClientProvider client={queryClient}>
        <LinkProvider>
          <SignInProvider>
            <RouterProvider router={router} />
          </SignInProvider>
        </LinkProvider>
      </QueryClientProvider>
    </CSPProvider>
  </StrictMode>
);

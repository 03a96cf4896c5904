import { Link } from "@tanstack/react-router";
import { ErrorState } from "../ui/states.tsx";
import { usePageTitle } from "./page-title.ts";

export function NotFound() {
  usePageTitle("Not found");
  return (
    <div className="state">
      <h1 className="state-title">There is no such page</h1>
      <p className="muted">
        <Link to="/">Back to the overview</Link>
      </p>
    </div>
  );
}

export const PageError = ({ error }: { error: unknown }) => (
  <ErrorState
    error={error instanceof Error ? error : new Error(String(error))}
    onRetry={() => window.location.reload()}
  />
);

import { Link } from "@tanstack/react-router";
import { ErrorState, Missing } from "../ui/states.tsx";
import { usePageTitle } from "./page-title.ts";

export function NotFound() {
  usePageTitle("Not found");
  return (
    <Missing title="There is no such page">
      <Link to="/">Back to the overview</Link>
    </Missing>
  );
}

export const PageError = ({ error }: { error: unknown }) => (
  <ErrorState
    error={error instanceof Error ? error : new Error(String(error))}
    onRetry={() => window.location.reload()}
  />
);

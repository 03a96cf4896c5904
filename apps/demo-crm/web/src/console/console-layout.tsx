import { useQuery } from "@tanstack/react-query";
import { Link, Outlet } from "@tanstack/react-router";
import { HEADS } from "../pages/heads.ts";
import { PageHead } from "../ui/page-head.tsx";
import { conditions } from "./queries.ts";

const PAGES = [
  ["/console", "Now"],
  ["/console/comparison", "Side by side"],
  ["/console/invalidations", "Invalidations"],
  ["/console/entries", "Entries"],
  ["/console/locks", "Locks and limits"],
  ["/console/warming", "Warming"],
  ["/console/data", "The data"],
] as const;

export function ConsoleLayout() {
  const measuredOn = useQuery(conditions).data?.data;
  const text = measuredOn
    ? [
        measuredOn.database,
        measuredOn.cache,
        `Node ${measuredOn.node}`,
        `${measuredOn.cores} ${measuredOn.cores === "1" ? "core" : "cores"}`,
      ]
        .filter((part) => part && !part.includes("undefined"))
        .join(" · ")
    : "";
  return (
    <>
      <PageHead {...HEADS.console} text={<span className="conditions">{text || "\u00a0"}</span>} />
      <nav className="subnav" aria-label="Console">
        {PAGES.map(([to, title]) => (
          <Link key={to} to={to} activeOptions={{ exact: true, includeSearch: false }}>
            {title}
          </Link>
        ))}
      </nav>
      <Outlet />
    </>
  );
}

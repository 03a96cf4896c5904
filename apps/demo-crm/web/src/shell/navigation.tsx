import { Link } from "@tanstack/react-router";
import {
  Activity,
  Building2,
  CircleCheckBig,
  FileText,
  KanbanSquare,
  LayoutDashboard,
  Target,
  Users,
} from "lucide-react";

const CRM = [
  ["/", "Overview", LayoutDashboard],
  ["/companies", "Companies", Building2],
  ["/deals", "Deals", KanbanSquare],
  ["/contacts", "Contacts", Users],
  ["/tasks", "Tasks", CircleCheckBig],
  ["/leads", "Leads", Target],
  ["/quotes", "Quotes", FileText],
] as const;

export function Navigation({ onNavigate }: { onNavigate?: () => void }) {
  return (
    <nav className="nav" aria-label="Main">
      <p className="nav-title" id="nav-crm">
        CRM
      </p>
      <ul aria-labelledby="nav-crm">
        {CRM.map(([to, title, Icon]) => (
          <li key={to}>
            <Link
              to={to}
              className="nav-link"
              activeOptions={{ exact: to === "/" }}
              {...(onNavigate && { onClick: onNavigate })}
            >
              <Icon size={18} aria-hidden />
              {title}
            </Link>
          </li>
        ))}
      </ul>
      <p className="nav-title" id="nav-cache">
        Cache
      </p>
      <ul aria-labelledby="nav-cache">
        <li>
          <Link to="/console" className="nav-link" {...(onNavigate && { onClick: onNavigate })}>
            <Activity size={18} aria-hidden />
            Console
          </Link>
        </li>
      </ul>
    </nav>
  );
}

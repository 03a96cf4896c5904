import { Link } from "@tanstack/react-router";

/** The drawing of `favicon.svg` in the page itself: as an image it would be a document of its own, each time it is shown. */
export const Brand = () => (
  <Link to="/" className="brand">
    <svg viewBox="0 0 32 32" width={26} height={26} aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="#0f766e" />
      <path d="M18.5 4 8 18h6.5L12.5 28 24 13.5h-7z" fill="#fff" />
    </svg>
    Demo CRM
  </Link>
);

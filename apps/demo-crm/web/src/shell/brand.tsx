import { Link } from "@tanstack/react-router";

export const Brand = () => (
  <Link to="/" className="brand">
    <img src="/favicon.svg" alt="" width={26} height={26} />
    Demo CRM
  </Link>
);

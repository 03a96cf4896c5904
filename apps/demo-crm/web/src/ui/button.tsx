import type { ComponentProps, ReactNode } from "react";

interface ButtonProps extends ComponentProps<"button"> {
  readonly look?: "primary" | "secondary" | "quiet" | "danger";
  /** Something is under way: it cannot be pressed, and says so. */
  readonly busy?: boolean;
  readonly icon?: ReactNode;
}

export function Button({ look = "secondary", busy = false, icon, children, ...props }: ButtonProps) {
  return (
    <button
      type="button"
      {...props}
      className={`button ${look} ${props.className ?? ""}`}
      disabled={busy || props.disabled}
      aria-busy={busy || undefined}
    >
      {busy ? <span className="spinner" aria-hidden /> : icon}
      {children}
    </button>
  );
}

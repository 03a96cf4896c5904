import type { ComponentProps, ReactNode } from "react";

interface FieldProps {
  readonly label: string;
  readonly hint?: string | undefined;
  readonly children: ReactNode;
}

/** A label around its control. */
export function Field({ label, hint, children }: FieldProps) {
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the control is the child.
    <label className="field">
      <span className="field-label">{label}</span>
      {children}
      {hint && <span className="muted field-hint">{hint}</span>}
    </label>
  );
}

export const Input = (props: ComponentProps<"input">) => (
  <input autoComplete="off" {...props} className="input" />
);

interface SelectProps extends ComponentProps<"select"> {
  readonly options: readonly (readonly [value: string, title: string])[];
}

/** The browser's own: it works with every keyboard, on every telephone. What is chosen is a choice also where it is not among the options, or not yet. */
export const Select = ({ options, ...props }: SelectProps) => {
  const chosen = String(props.value ?? props.defaultValue ?? "");
  const isKnown = options.some(([value]) => value === chosen);
  return (
    <select {...props} className="input">
      {(isKnown ? options : [...options, [chosen, chosen] as const]).map(([value, title]) => (
        <option key={value} value={value}>
          {title}
        </option>
      ))}
    </select>
  );
};

import { useEffect, useRef, useState } from "react";
import { Field, Input } from "./field.tsx";

interface TextFilterProps {
  readonly label: string;
  readonly placeholder: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
}

const SETTLED_MS = 250;

/** A filter that one types: it takes effect once the typing stops. */
export function TextFilter({ label, placeholder, value, onChange }: TextFilterProps) {
  const [text, setText] = useState(value);
  const timer = useRef<number | undefined>(undefined);
  /** What this field has asked for, and the address does not say yet. */
  const asked = useRef<string[]>([]);
  // The address may change without this field: by the browser's "back", or by a button that shows all. What the field has asked for itself
  // comes back later, when more may have been typed.
  useEffect(() => {
    const at = asked.current.indexOf(value);
    asked.current = at < 0 ? [] : asked.current.slice(at + 1);
    if (at >= 0) return;
    window.clearTimeout(timer.current);
    setText(value);
  }, [value]);
  useEffect(() => () => window.clearTimeout(timer.current), []);
  const settle = (typed: string) => {
    if (typed === (asked.current.at(-1) ?? value)) return;
    asked.current.push(typed);
    onChange(typed);
  };
  return (
    <Field label={label}>
      <Input
        type="search"
        value={text}
        maxLength={80}
        placeholder={placeholder}
        onChange={(event) => {
          const typed = event.target.value;
          setText(typed);
          window.clearTimeout(timer.current);
          timer.current = window.setTimeout(() => settle(typed.trim()), SETTLED_MS);
        }}
      />
    </Field>
  );
}

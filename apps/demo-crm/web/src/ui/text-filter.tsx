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
  // The address may change without this field: by the browser's "back", or by a button that shows all.
  useEffect(() => {
    window.clearTimeout(timer.current);
    setText(value);
    return () => window.clearTimeout(timer.current);
  }, [value]);
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
          timer.current = window.setTimeout(() => onChange(typed.trim()), SETTLED_MS);
        }}
      />
    </Field>
  );
}

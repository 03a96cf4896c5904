import { Field, Select } from "./field.tsx";
import { capitalize } from "./format.ts";

interface StatusFilterProps<Status extends string> {
  readonly statuses: readonly Status[];
  readonly value: Status | undefined;
  readonly onChange: (status: Status | undefined) => void;
}

export function StatusFilter<Status extends string>({
  statuses,
  value,
  onChange,
}: StatusFilterProps<Status>) {
  return (
    <Field label="Status">
      <Select
        value={value ?? ""}
        onChange={(event) => onChange(statuses.find((one) => one === event.target.value))}
        options={[["", "Any status"], ...statuses.map((one) => [one, capitalize(one)] as const)]}
      />
    </Field>
  );
}

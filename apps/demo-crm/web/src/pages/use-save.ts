import type { FormEvent } from "react";
import type { EntityName } from "../api/types.ts";
import { useWrite } from "../api/write.ts";
import { changed } from "../ui/form-values.ts";
import { notify } from "../ui/notify.ts";

interface Save<Row, Values> {
  readonly entity: EntityName;
  readonly title: string;
  /** As it is stored; absent for a new one. */
  readonly row: Row | undefined;
  readonly read: (form: FormData) => Values;
  readonly onSaved: (row: Row) => void;
}

/** Sends what differs, so that two people who change different fields do not undo one another; of a new row, everything. */
export function useSave<Row extends Partial<Values> & { id: string }, Values extends { name: string }>({
  entity,
  title,
  row,
  read,
  onSaved,
}: Save<Row, Values>) {
  const write = useWrite<Row>(entity);
  return {
    busy: write.isPending,
    submit(event: FormEvent<HTMLFormElement>): void {
      event.preventDefault();
      const values = read(new FormData(event.currentTarget));
      const body = row ? changed<Values>(row, values) : values;
      if (Object.keys(body).length === 0) {
        notify({ title: "Nothing to save", description: "No field differs from what is stored." });
        return;
      }
      write.mutate(
        row
          ? { method: "PATCH", id: row.id, body, done: `${values.name} saved` }
          : { method: "POST", body, done: `${title} ${values.name} added` },
        { onSuccess: ({ data }) => onSaved(data) },
      );
    },
  };
}

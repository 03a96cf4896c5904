import { ArrowDown, ArrowUp } from "lucide-react";
import type { ReactNode } from "react";

export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => ReactNode;
  readonly isNumber?: boolean;
  /** Left out where there is little room. */
  readonly isExtra?: boolean;
  /** What the order by this column is called; without it the column has none. */
  readonly sort?: string;
}

interface TableProps<Row> {
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly rowKey: (row: Row) => string;
  /** `-` before the name: from the largest. */
  readonly sort?: string | undefined;
  readonly onSort?: (sort: string) => void;
  /** Of the page before, while the next one loads. */
  readonly isOld?: boolean;
}

/** The table scrolls inside its card where it is wider; the page never does. */
export function Table<Row>({ caption, columns, rows, rowKey, sort, onSort, isOld = false }: TableProps<Row>) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reachable with the keyboard.
    <section className={`scroll ${isOld ? "old" : ""}`} tabIndex={0}>
      <table>
        <caption className="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th
                key={column.title}
                scope="col"
                className={className(column)}
                aria-sort={ariaSort(column.sort, sort)}
              >
                {column.sort && onSort ? (
                  <SortButton name={column.sort} title={column.title} sort={sort} onSort={onSort} />
                ) : (
                  column.title
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={rowKey(row)}>
              {columns.map((column) => (
                <td key={column.title} className={className(column)}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

interface SortButtonProps {
  readonly name: string;
  readonly title: string;
  readonly sort: string | undefined;
  readonly onSort: (sort: string) => void;
}

function SortButton({ name, title, sort, onSort }: SortButtonProps) {
  const Arrow = sort === `-${name}` ? ArrowDown : ArrowUp;
  const isSorted = sort === name || sort === `-${name}`;
  return (
    <button type="button" className="sort" onClick={() => onSort(sort === name ? `-${name}` : name)}>
      {title}
      <Arrow size={14} aria-hidden className={isSorted ? "" : "invisible"} />
    </button>
  );
}

const className = ({ isNumber, isExtra }: Pick<Column<never>, "isNumber" | "isExtra">) =>
  [isNumber ? "number" : "", isExtra ? "extra" : ""].join(" ").trim() || undefined;

function ariaSort(name: string | undefined, sort: string | undefined) {
  if (name === undefined) return undefined;
  return sort === name ? "ascending" : sort === `-${name}` ? "descending" : "none";
}

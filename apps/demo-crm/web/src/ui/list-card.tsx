import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { Answer } from "../api/ask.ts";
import type { Page } from "../api/types.ts";
import { Button } from "./button.tsx";
import { Pager } from "./pager.tsx";
import { EmptyState, Loaded } from "./states.tsx";

interface ListCardProps<Row> {
  readonly query: UseQueryResult<Answer<Page<Row>>>;
  /** What the rows are, in the plural. */
  readonly of: string;
  /** Where nothing is found. */
  readonly empty: { readonly title: string; readonly text?: ReactNode };
  /** `undefined`: the first page, which needs no word in the address. */
  readonly onPage: (page: number | undefined) => void;
  readonly children: (rows: Page<Row>["items"], isOld: boolean) => ReactNode;
}

/** A page of a list: loading, failed, empty, behind the last one (rows may go while one looks), or rows with what leads to the other pages. */
export function ListCard<Row>({ query, of, empty, onPage, children }: ListCardProps<Row>) {
  const toPage = (page: number) => onPage(page > 1 ? page : undefined);
  return (
    <div className="card flush">
      <Loaded query={query} lines={12}>
        {(found) =>
          found.items.length === 0 && found.total > 0 ? (
            <EmptyState title={`There is no page ${found.page}`}>
              <Button onClick={() => toPage(found.pages)}>To the last page</Button>
            </EmptyState>
          ) : found.items.length === 0 ? (
            <EmptyState title={empty.title}>{empty.text}</EmptyState>
          ) : (
            <>
              {children(found.items, query.isPlaceholderData)}
              <Pager {...found} of={of} onPage={toPage} />
            </>
          )
        }
      </Loaded>
    </div>
  );
}

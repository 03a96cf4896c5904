import { ChevronLeft, ChevronRight } from "lucide-react";
import { whole } from "./format.ts";

interface PagerProps {
  readonly of: string;
  readonly page: number;
  readonly pages: number;
  readonly total: number;
  readonly onPage: (page: number) => void;
}

export function Pager({ of, page, pages, total, onPage }: PagerProps) {
  return (
    <nav className="pager" aria-label={`Pages of ${of}`}>
      <span className="muted">
        {whole(total)} {of}
      </span>
      <span className="pager-buttons">
        <button
          type="button"
          className="icon-button"
          aria-label="Previous page"
          disabled={page <= 1}
          onClick={() => onPage(page - 1)}
        >
          <ChevronLeft size={18} aria-hidden />
        </button>
        <span className="muted">
          Page {page} of {pages}
        </span>
        <button
          type="button"
          className="icon-button"
          aria-label="Next page"
          disabled={page >= pages}
          onClick={() => onPage(page + 1)}
        >
          <ChevronRight size={18} aria-hidden />
        </button>
      </span>
    </nav>
  );
}

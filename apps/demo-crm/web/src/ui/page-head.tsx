import type { ReactNode } from "react";
import type { Answer } from "../api/ask.ts";
import { milliseconds } from "./format.ts";

interface PageHeadProps {
  readonly title: ReactNode;
  readonly text?: ReactNode;
  /** The answer that the page shows: how the cache took part in it is said beside the title. */
  readonly answer?: Answer<unknown> | undefined;
  readonly children?: ReactNode;
}

export function PageHead({ title, text, answer, children }: PageHeadProps) {
  return (
    <header className="page-head">
      <div className="page-head-text">
        <h1>{title}</h1>
        {text && <p className="muted">{text}</p>}
      </div>
      <div className="page-head-side">
        {answer && <CacheNote answer={answer} />}
        {children}
      </div>
    </header>
  );
}

/** `hit` and `miss` of one read, `hit 2, miss 1` of more, as people say it. */
function describe(cache: string): string {
  if (!/\d/.test(cache)) return `cache ${cache}`;
  return cache.replace(/(hit|miss) (\d+)/g, (_, kind: string, count: string) => {
    if (count === "1") return `1 ${kind}`;
    return `${count} ${kind === "hit" ? "hits" : "misses"}`;
  });
}

/** Whether the cache had the answer, and how long the server took for it. */
export function CacheNote({ answer: { cache, serverMs } }: { answer: Answer<unknown> }) {
  const kind = cache === null ? "" : cache.includes("miss") ? "miss" : "hit";
  return (
    <span className={`chip ${kind}`} title="Whether the server's cache had the answer, and how long it took">
      {cache === null ? "no cache read" : describe(cache)} · {milliseconds(serverMs)}
    </span>
  );
}

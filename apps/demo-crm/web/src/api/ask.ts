import { afterFirstDraw } from "../first-draw.ts";
import type { Problem, WriteMeta } from "./types.ts";

/** An answer, and how the cache took part in it. */
export interface Answer<T> {
  readonly data: T;
  readonly meta: WriteMeta | undefined;
  /** `hit`, `miss`, `hit 1, miss 1`; `null` when no cache was asked. */
  readonly cache: string | null;
  /** Milliseconds inside the server. */
  readonly serverMs: number | null;
  /** Which of several instances answered. */
  readonly instance?: string | undefined;
}

/** A refusal, or no answer at all. `title` and `detail` are for people. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string | undefined;
  readonly detail: string | undefined;
  /** Seconds; of a 429 or 503 that says so. */
  readonly retryAfter: number | undefined;
  readonly policies: readonly string[];

  constructor(problem: Partial<Problem> & { title: string }, retryAfter?: number) {
    super(problem.title);
    this.name = "ApiError";
    this.status = problem.status ?? 0;
    this.code = problem.code;
    this.policies = problem["violated-policies"] ?? [];
    this.retryAfter = retryAfter;
    this.detail =
      problem.errors?.map(({ path, message }) => `${fieldOf(path)}: ${message}`).join("; ") || problem.detail;
  }
}

/** `body.yearEstablished`, as a form calls it. */
function fieldOf(path: string): string {
  const words = path
    .replace(/^(body|query|path)\./, "")
    .replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return words.charAt(0).toUpperCase() + words.slice(1);
}

interface AskOptions {
  readonly method?: "GET" | "POST" | "PATCH" | "DELETE";
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
}

const PATIENCE_MS = 30_000;

/** Asks the API. Rejects with `ApiError`, also of what nobody has answered for half a minute, or with what the signal was aborted with. */
export async function ask<T>(path: string, options: AskOptions = {}): Promise<Answer<T>> {
  const { method = "GET", body, signal } = options;
  const timeout = AbortSignal.timeout(PATIENCE_MS);
  let response: Response;
  let answer: { data?: T; meta?: WriteMeta } | null;
  try {
    response = await fetch(path, {
      method,
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    });
    answer = await readJson(response);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw noAnswer("The demo does not answer", method);
  }
  await afterFirstDraw();
  if (!response.ok) throw refusal(response, (answer ?? {}) as Partial<Problem>);
  // A network that wants one to sign in first, say, answers with a page of its own.
  if (answer?.data === undefined) throw noAnswer("Something else than the demo has answered", method);
  const serverMs = /app;dur=([\d.]+)/.exec(response.headers.get("server-timing") ?? "")?.[1];
  return {
    data: answer.data as T,
    meta: answer.meta,
    cache: response.headers.get("x-cache"),
    serverMs: serverMs === undefined ? null : Number(serverMs),
    instance: response.headers.get("x-instance") ?? undefined,
  };
}

/** The answer; `null` when it is something else than JSON. One that is cut off rejects. */
async function readJson<T>(response: Response): Promise<T | null> {
  const text = await response.text();
  try {
    return JSON.parse(text) as T;
  } catch {
    return null;
  }
}

function noAnswer(title: string, method: string): ApiError {
  const detail =
    method === "GET"
      ? "Is it still running? The page asks again by itself."
      : "Whether it was saved is not known: look before you do it again.";
  return new ApiError({ title, detail, code: "NO_ANSWER" });
}

function refusal(response: Response, problem: Partial<Problem>): ApiError {
  const after = Number(response.headers.get("retry-after") ?? Number.NaN);
  const title = problem.title ?? `The server answered ${response.status}`;
  const known = { ...problem, title, status: response.status };
  if (response.status !== 429) return new ApiError(known, Number.isFinite(after) ? after : undefined);
  const wait = Number.isFinite(after) ? `Try again in ${duration(after)}.` : "Try again later.";
  return new ApiError(
    { ...known, title: "Too many requests", detail: `${whose(problem)} ${wait}` },
    Number.isFinite(after) ? after : undefined,
  );
}

function whose(problem: Partial<Problem>): string {
  const policies = problem["violated-policies"] ?? [];
  if (policies.includes("account")) return "There were too many attempts to sign in to this account.";
  return `The limit of your ${policies.includes("address") ? "address" : "user"} is used up.`;
}

const duration = (seconds: number) =>
  seconds < 90 ? `${seconds} ${seconds === 1 ? "second" : "seconds"}` : `${Math.ceil(seconds / 60)} minutes`;

/** A query string of what is set. */
export function search(values: Readonly<Record<string, string | number | undefined>>): string {
  const set = Object.entries(values).filter(([, value]) => value !== undefined && value !== "");
  const text = new URLSearchParams(set.map(([name, value]) => [name, String(value)])).toString();
  return text && `?${text}`;
}

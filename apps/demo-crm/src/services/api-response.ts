/** What became of the cache when something was written. */
export interface WriteMeta {
  /**
   * `pending`: the write is committed, but the cache could not be told yet. It retries until it is applied, and this
   * process does not serve the old value meanwhile.
   */
  readonly cache: "applied" | "pending";
  /** Entries that the write removed; `null` while that is pending. */
  readonly removed: number | null;
}

export type ApiResponse<T> =
  | { readonly success: true; readonly data: T; readonly write?: WriteMeta | undefined }
  | { readonly success: false; readonly error: ApiError };

export interface ApiError {
  readonly code: "NOT_FOUND" | "CONFLICT" | "UNPROCESSABLE";
  readonly message: string;
}

export function successResponse<T>(data: T, write?: WriteMeta): ApiResponse<T> {
  return { success: true, data, write };
}

const failure = (code: ApiError["code"], message: string) => ({
  toResponse: () => ({ success: false, error: { code, message } }) as const,
});

export const Errors = {
  NotFound: (what: string) => failure("NOT_FOUND", `${what} not found`),
  Conflict: (message: string) => failure("CONFLICT", message),
  Unprocessable: (message: string) => failure("UNPROCESSABLE", message),
};

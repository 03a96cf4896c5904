import { ApiError } from "../api/ask.ts";

export interface Notice {
  readonly title: string;
  readonly description?: string | undefined;
  readonly isError?: boolean;
}

/** Says something in the corner of the window, and to screen readers. What went wrong stays longer. */
export function notify(notice: Notice): void {
  void import("./toasts.tsx").then(({ showToast }) => showToast(notice));
}

/** Says what went wrong, in the words of the server. */
export function notifyOfError(error: Error): void {
  notify({
    title: error.message,
    description: error instanceof ApiError ? error.detail : undefined,
    isError: true,
  });
}

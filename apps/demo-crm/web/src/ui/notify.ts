export interface Notice {
  readonly title: string;
  readonly description?: string | undefined;
  readonly isError?: boolean;
}

/** Says something in the corner of the window, and to screen readers. What went wrong stays longer. */
export function notify(notice: Notice): void {
  void import("./toasts.tsx").then(({ showToast }) => showToast(notice));
}

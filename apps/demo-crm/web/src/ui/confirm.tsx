import { openedLater } from "./later.tsx";

export const Confirm = openedLater(async () => ({ default: (await import("./confirm-window.tsx")).ConfirmWindow }));

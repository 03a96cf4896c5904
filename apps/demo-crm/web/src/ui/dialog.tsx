import { openedLater } from "./later.tsx";

export const Dialog = openedLater(async () => ({ default: (await import("./dialog-window.tsx")).DialogWindow }));

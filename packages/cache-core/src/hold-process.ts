let holders = 0;
let timer: NodeJS.Timeout | undefined;

/**
 * Keeps the process alive until the returned function is called, once or more often. Timers of the toolkit never do, and
 * neither does a promise, so that a program which awaits nothing but a time limit would end in the middle of its `await`
 * with exit code 13. Only for what a caller awaits; never for work in the background.
 */
export function holdProcess(): () => void {
  if (holders++ === 0) timer = setInterval(() => {}, 2_147_483_647);
  let held = true;
  return () => {
    if (!held) return;
    held = false;
    if (--holders > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

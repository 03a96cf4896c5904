declare global {
  interface Window {
    /** Kept by `index.html` from the first moment on. */
    earlyClicks?: { readonly found: Event[]; end(): void };
  }
}

/**
 * What somebody has typed, chosen or pressed in the page as it was served, which nobody listens to yet. Called before the app takes over;
 * what it returns does it again, and is called when the app is there. Links need nothing of it.
 */
export function takeEarlyActs(root: HTMLElement): () => void {
  window.earlyClicks?.end();
  const pressed = window.earlyClicks?.found
    .map(({ target }) => (target as Element).closest("button"))
    .findLast((button) => button !== null);
  const acts = [...root.querySelectorAll<HTMLInputElement | HTMLSelectElement>("input, select")].map(actOn);
  return () => {
    for (const act of acts) act?.();
    if (pressed?.isConnected) pressed.click();
  };
}

function actOn(field: HTMLInputElement | HTMLSelectElement): (() => void) | undefined {
  if (field instanceof HTMLInputElement && ["checkbox", "radio"].includes(field.type)) {
    const { checked, defaultChecked } = field;
    if (checked === defaultChecked || (field.type === "radio" && !checked)) return undefined;
    return () => {
      field.checked = defaultChecked;
      field.click();
    };
  }
  const { value } = field;
  if (value === initialValue(field)) return undefined;
  return () => {
    field.value = value;
    field.dispatchEvent(
      new Event(field instanceof HTMLSelectElement ? "change" : "input", { bubbles: true }),
    );
  };
}

function initialValue(field: HTMLInputElement | HTMLSelectElement): string | undefined {
  if (field instanceof HTMLInputElement) return field.defaultValue;
  return ([...field.options].find(({ defaultSelected }) => defaultSelected) ?? field.options[0])?.value;
}

import type { SignedIn } from "../services/sign-in-service.ts";

const REMEMBERED = 1_000;
const REMEMBERED_MS = 60_000;

/** The sessions that the store has confirmed to this process lately. Bounded, and forgotten after a minute. */
export class RecentSessions {
  readonly #seen = new Map<string, { readonly user: SignedIn; readonly until: number }>();

  /** What the store said of a session: whose it is, or that there is none. */
  note(id: string, user: SignedIn | null): void {
    this.#seen.delete(id);
    if (user === null) return;
    if (this.#seen.size >= REMEMBERED) this.#seen.delete(this.#seen.keys().next().value as string);
    this.#seen.set(id, { user, until: performance.now() + REMEMBERED_MS });
  }

  find(id: string): SignedIn | null {
    const found = this.#seen.get(id);
    return found !== undefined && performance.now() < found.until ? found.user : null;
  }
}

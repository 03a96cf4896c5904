import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { createContext, lazy, type ReactNode, Suspense, useContext, useState } from "react";
import { ask } from "../api/ask.ts";
import { noteSession, session } from "../api/queries.ts";
import { Button } from "../ui/button.tsx";
import { notify, notifyOfError } from "../ui/notify.ts";

interface SignIn {
  /** `null`: nobody; `undefined`: not known. */
  readonly user: string | null | undefined;
  /** Who has signed in cannot be said: it is asked again until it can. */
  readonly isAway: boolean;
  ask(): void;
  /** The session of whoever works here has ended: asks to sign in again, and leaves what is open as it is. */
  askAgain(): void;
  signOut(): void;
}

const load = () => import("./sign-in-dialog.tsx");
const SignInDialog = lazy(async () => ({ default: (await load()).SignInDialog }));
const Context = createContext<SignIn | null>(null);

export function useSignIn(): SignIn {
  const found = useContext(Context);
  if (!found) throw new Error("useSignIn needs a SignInProvider above it");
  return found;
}

/** Shows what only somebody who has signed in can do; to others the way in. */
export function SignedIn({ to, children }: { to: string; children: ReactNode }) {
  const { user, isAway, ask: askToSignIn } = useSignIn();
  if (user) return children;
  if (isAway) return <span className="muted">To {to}, wait until the cache is back</span>;
  return (
    <Button onClick={askToSignIn} disabled={user === undefined}>
      Sign in to {to}
    </Button>
  );
}

export function SignInProvider({ children }: { children: ReactNode }) {
  const [open, setOpen] = useState(false);
  const [wasOpen, setWasOpen] = useState(false);
  const [isAgain, setAgain] = useState(false);
  const show = (again: boolean) => {
    // Only what is there is drawn: around the pages nobody would say what went wrong.
    load().then(
      () => {
        setAgain(again);
        setWasOpen(true);
        setOpen(true);
      },
      () =>
        notify({
          title: "The demo does not answer",
          description: "Reload the page when it does.",
          isError: true,
        }),
    );
  };
  // Whoever does not sign in again is seen as who he is now.
  const close = () => {
    setOpen(false);
    if (isAgain) void client.invalidateQueries(session);
  };
  const client = useQueryClient();
  const { data, isError } = useQuery(session);
  const user = data?.data.user;
  const signOut = useMutation({
    mutationFn: () => ask<{ user: null }>("/api/session", { method: "DELETE" }),
    onSuccess: (answer) => noteSession(client, answer),
    onError: notifyOfError,
  });
  return (
    <Context
      value={{
        user,
        isAway: isError && user === undefined,
        ask: () => show(false),
        askAgain: () => show(true),
        signOut: () => signOut.mutate(),
      }}
    >
      {children}
      {wasOpen && (
        <Suspense fallback={null}>
          <SignInDialog open={open} isAgain={isAgain} onClose={close} />
        </Suspense>
      )}
    </Context>
  );
}

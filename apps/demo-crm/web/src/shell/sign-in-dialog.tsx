import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { FormEvent } from "react";
import { ApiError, ask } from "../api/ask.ts";
import { noteSession } from "../api/queries.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Field, Input } from "../ui/field.tsx";
import { textOf } from "../ui/form-values.ts";

interface SignInDialogProps {
  readonly open: boolean;
  /** After a session that has ended. */
  readonly isAgain: boolean;
  readonly onClose: () => void;
}

export function SignInDialog({ open, isAgain, onClose }: SignInDialogProps) {
  const client = useQueryClient();
  const signIn = useMutation({
    mutationFn: (credentials: { user: string; password: string }) =>
      ask<{ user: string | null }>("/api/session", { method: "POST", body: credentials }),
    async onSuccess(answer) {
      await noteSession(client, answer);
      onClose();
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    signIn.mutate({ user: textOf(form, "user") ?? "", password: String(form.get("password") ?? "") });
  };
  const close = () => {
    signIn.reset();
    onClose();
  };
  const { error } = signIn;
  return (
    <Dialog
      open={open}
      onClose={close}
      className="narrow"
      title="Sign in"
      description={
        isAgain
          ? "Your session has ended. What you have typed stays: sign in, and save it again."
          : "Reading is open to everybody. To write, sign in; the terminal that runs the demo shows the password."
      }
    >
      <form onSubmit={submit} className="form">
        <Field label="User">
          <Input name="user" required maxLength={64} autoComplete="username" defaultValue="darcel-schlecht" />
        </Field>
        <Field label="Password">
          <Input
            name="password"
            type="password"
            required
            maxLength={200}
            autoComplete="current-password"
            autoFocus
          />
        </Field>
        {error && (
          <div className="banner bad" role="alert">
            <strong>{error.message}</strong>
            {error instanceof ApiError && error.detail && <span>{error.detail}</span>}
          </div>
        )}
        <div className="actions">
          <Button look="primary" type="submit" busy={signIn.isPending}>
            Sign in
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

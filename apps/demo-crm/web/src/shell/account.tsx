import { LogIn, LogOut, Monitor, Moon, Sun } from "lucide-react";
import { useUserName } from "../api/queries.ts";
import { Button } from "../ui/button.tsx";
import { useLinkState } from "./link-state.tsx";
import { useSignIn } from "./sign-in.tsx";
import { setTheme, type Theme, useTheme } from "./theme.ts";

const THEMES = [
  ["system", "As the system", Monitor],
  ["light", "Light", Sun],
  ["dark", "Dark", Moon],
] as const satisfies readonly (readonly [Theme, string, unknown])[];

const LINK = {
  connecting: ["Connecting", "warn"],
  live: ["Live: changes show at once", "good"],
  uncached: ["Cache away: answers from the database", "warn"],
  lost: ["No connection, trying again", "bad"],
} as const;

/** The foot of the navigation: the link to the server, the theme, who has signed in. */
export function Account() {
  const { user, isAway, ask, signOut } = useSignIn();
  const theme = useTheme();
  const name = useUserName(user);
  const [link, tone] = LINK[useLinkState()];
  return (
    <div className="account">
      <p className={`link-state ${tone}`} role="status">
        <span className="dot" aria-hidden />
        {link}
      </p>
      <fieldset className="themes">
        <legend className="visually-hidden">Theme</legend>
        {THEMES.map(([value, title, Icon]) => (
          <label key={value} title={title}>
            <input
              type="radio"
              name="theme"
              className="visually-hidden"
              checked={theme === value}
              onChange={() => setTheme(value)}
            />
            <Icon size={16} aria-hidden />
            <span className="visually-hidden">{title}</span>
          </label>
        ))}
      </fieldset>
      {user ? (
        <div className="who">
          <span className="avatar" aria-hidden>
            {name.charAt(0).toUpperCase()}
          </span>
          <span className="who-name">{name}</span>
          <button
            type="button"
            className="icon-button"
            onClick={signOut}
            aria-label="Sign out"
            title="Sign out"
          >
            <LogOut size={17} aria-hidden />
          </button>
        </div>
      ) : isAway ? (
        <p className="muted">Who has signed in is known again when the cache is back.</p>
      ) : (
        <Button icon={<LogIn size={16} aria-hidden />} onClick={ask} disabled={user === undefined}>
          Sign in
        </Button>
      )}
    </div>
  );
}

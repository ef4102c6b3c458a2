/** The doors of the pages for people who work here: name and password, and a new password the first time. */
import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Mark } from "./icons";
import type { WireError } from "./protocol";
import { changePassword, logIn, type Session } from "./session";

const LEAST = 12;
const MOST = 128;

function words(error: WireError): string {
  const retry = error.data?.retry_ms;
  if (error.code === "rate_limited" && typeof retry === "number")
    return `Too many attempts. Please wait ${Math.ceil(retry / 1000)} seconds and try again.`;
  if (error.code === "unauthorized") return "Name or password is wrong.";
  return error.message;
}

function Door({ title, lead, error, busy, submit, button, children }: {
  title: string;
  lead: string;
  error: string | null;
  busy: boolean;
  submit: () => void;
  button: string;
  children: VNode | VNode[];
}): VNode {
  return (
    <main class="door">
      <form
        class="door-card"
        onSubmit={(event) => {
          event.preventDefault();
          if (!busy) submit();
        }}
      >
        <span class="mark">
          <Mark size={26} />
        </span>
        <h1>{title}</h1>
        <p class="lead">{lead}</p>
        {children}
        <p class="error" role="alert">
          {error}
        </p>
        <button type="submit" class="primary wide" aria-disabled={busy}>
          {busy ? "One moment…" : button}
        </button>
      </form>
    </main>
  );
}

export function Login({ title, lead, expired, done }: {
  title: string;
  lead: string;
  /** A session has just ended by itself. */
  expired: boolean;
  done: (session: Session, password: string) => void;
}): VNode {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const first = useRef<HTMLInputElement>(null);
  const secret = useRef<HTMLInputElement>(null);
  useEffect(() => first.current?.focus(), []);

  const submit = async (): Promise<void> => {
    setBusy(true);
    const answer = await logIn(name.trim(), password);
    setBusy(false);
    if (answer.ok) done(answer.data, password);
    else {
      setError(words(answer.error));
      setPassword("");
      secret.current?.focus();
    }
  };

  return (
    <Door
      title={title}
      lead={expired ? "Your session has ended. Log in again; what you wrote is kept." : lead}
      error={error} busy={busy} submit={() => void submit()} button="Log in">
      <label class="field">
        Name
        <input
          ref={first}
          name="name"
          autocomplete="username"
          autocapitalize="none"
          spellcheck={false}
          required
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
        />
      </label>
      <label class="field">
        Password
        <input
          ref={secret}
          name="password"
          type="password"
          autocomplete="current-password"
          required
          value={password}
          onInput={(event) => setPassword(event.currentTarget.value)}
        />
      </label>
    </Door>
  );
}

/** A one-time password opens this door only. */
export function NewPassword({ session, known, done }: {
  session: Session;
  /** The password just used to log in; null after a reload. */
  known: string | null;
  done: () => void;
}): VNode {
  const [current, setCurrent] = useState(known ?? "");
  const [next, setNext] = useState("");
  const [again, setAgain] = useState("");
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  const submit = async (): Promise<void> => {
    const refused =
      next.length < LEAST || next.length > MOST
        ? `Please choose ${LEAST} to ${MOST} characters.`
        : next !== again
          ? "The two new passwords differ."
          : next === current
            ? "Please choose a password other than the one-time password."
            : null;
    setError(refused);
    if (refused !== null) return;
    setBusy(true);
    const answer = await changePassword(session.csrf, current, next);
    setBusy(false);
    if (answer.ok) done();
    else setError(words(answer.error));
  };

  const field = (label: string, name: string, value: string, set: (v: string) => void, complete: string): VNode => (
    <label class="field">
      {label}
      <input
        name={name}
        type="password"
        autocomplete={complete}
        required
        value={value}
        onInput={(event) => set(event.currentTarget.value)}
      />
    </label>
  );
  return (
    <Door
      title="Choose your password"
      lead={`Welcome, ${session.agent.name}. The password you were given opens the door once; choose your own now, with at least ${LEAST} characters.`}
      error={error}
      busy={busy}
      submit={() => void submit()}
      button="Save and go on"
    >
      {[
        // Password managers file the new password under this name.
        <input key="name" class="sr" name="name" autocomplete="username" tabIndex={-1} aria-hidden="true" readOnly value={session.agent.name} />,
        ...(known === null ? [field("One-time password", "current", current, setCurrent, "current-password")] : []),
        field("New password", "new", next, setNext, "new-password"),
        field("New password, again", "again", again, setAgain, "new-password"),
      ]}
    </Door>
  );
}

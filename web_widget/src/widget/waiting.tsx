/** The bar that a waiting customer sees: the place, the wait where it is known, and the way to leave an address. */
import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { ClientState } from "./client";
import { contactAsked, queueWords, waitingWords, words } from "./strings";

/** What the server takes for an address, so that a slip is told before anything is sent. */
const ADDRESS = /^[^@\s]{1,64}@[^@\s]{1,190}$/;

interface ContactProps {
  known: string;
  /** Refused by the server: the form may be sent again. */
  refused: unknown;
  send: (email: string, text: string) => void;
  cancel: () => void;
}

function Contact({ known, refused, send, cancel }: ContactProps): VNode {
  const [email, setEmail] = useState(known);
  const [text, setText] = useState("");
  const [wrong, setWrong] = useState(false);
  const [sent, setSent] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  useEffect(() => setSent(false), [refused]);
  return (
    <form
      class="contact"
      aria-label={words.contact}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (sent) return;
        const fits = ADDRESS.test(email.trim());
        setWrong(!fits);
        if (!fits) {
          field.current?.focus();
          return;
        }
        setSent(true);
        send(email.trim(), text.trim());
      }}
    >
      <label>
        {words.contactEmail}
        <input
          ref={field}
          type="email"
          dir="ltr"
          autocomplete="email"
          required
          maxLength={255}
          aria-invalid={wrong}
          aria-describedby="baton-contact-wrong"
          value={email}
          onInput={(event) => setEmail(event.currentTarget.value)}
        />
      </label>
      <p id="baton-contact-wrong" class="wrong" role="alert">
        {wrong ? words.contactWrong : ""}
      </p>
      <label>
        {words.contactText}
        <textarea rows={2} dir="auto" maxLength={4000} value={text} onInput={(event) => setText(event.currentTarget.value)} />
      </label>
      <p class="contact-buttons">
        {/* Not disabled: a button that is would lose the focus, and with it the place of who uses the keyboard. */}
        <button type="submit" class="choice" aria-disabled={sent}>
          {sent ? words.sending : words.contactSend}
        </button>
        <button type="button" class="plain" onClick={cancel}>
          {words.contactNot}
        </button>
      </p>
    </form>
  );
}

interface WaitingProps {
  state: ClientState;
  email: string;
  cancel: () => void;
  leave: (email: string, text: string) => void;
}

export function Waiting({ state, email, cancel, leave }: WaitingProps): VNode {
  const [writing, setWriting] = useState(false);
  const { queue } = state;
  const asked = contactAsked(state.view);
  const offered = asked || queue?.online === 0;
  return (
    <div class="waiting-room">
      <div class="waiting">
        <span class="pulse" aria-hidden="true" />
        <div role="status">
          <strong>{queue === null ? words.statusWaiting : queueWords(queue.position)}</strong>
          <span class="sub">{waitingWords(queue)}</span>
        </div>
        <button type="button" class="plain" onClick={cancel}>
          {words.cancelWait}
        </button>
      </div>
      {writing ? (
        <Contact known={email} refused={state.trouble} send={leave} cancel={() => setWriting(false)} />
      ) : (
        offered && (
          <button type="button" class="choice leave" onClick={() => setWriting(true)}>
            {words.contact}
          </button>
        )
      )}
    </div>
  );
}

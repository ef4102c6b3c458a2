/** The questions asked before a conversation leaves an agent, the settings, and the keys. */
import type { ComponentChildren, VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { KEYS } from "./keys";
import { allowDesktop, armSound, chime } from "./notify";
import type { Settings } from "./settings";
import { OUTCOMES } from "./words";

function Dialog({ title, close, children }: { title: string; close: () => void; children: ComponentChildren }): VNode {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    // The browser gives the focus back to where it was.
    return () => element?.close();
  }, []);
  return (
    <dialog ref={dialog} aria-labelledby="dialog-title" onClose={close}>
      <h2 id="dialog-title">{title}</h2>
      {children}
    </dialog>
  );
}

function Outcomes({ value, set }: { value: string; set: (code: string) => void }): VNode {
  return (
    <fieldset class="outcomes">
      <legend>Outcome</legend>
      {OUTCOMES.map(({ code, label }) => (
        <label key={code}>
          <input type="radio" name="outcome" value={code} checked={value === code} onChange={() => set(code)} /> {label}
        </label>
      ))}
    </fieldset>
  );
}

export function ReturnDialog({ done, close }: { done: (outcome: string, note: string) => void; close: () => void }): VNode {
  const [outcome, setOutcome] = useState("resolved");
  const [note, setNote] = useState("");
  return (
    <Dialog title="Return to the bot" close={close}>
      <form
        method="dialog"
        onSubmit={(event) => {
          event.preventDefault();
          done(outcome, note.trim());
        }}
      >
        <p>The assistant answers again from the customer’s next words. It is told what you settled.</p>
        <Outcomes value={outcome} set={setOutcome} />
        <label class="field">
          What you settled (for the bot and colleagues)
          <textarea rows={3} maxLength={1000} value={note} onInput={(event) => setNote(event.currentTarget.value)} />
        </label>
        <p class="buttons">
          <button type="button" onClick={close}>
            Cancel
          </button>
          <button type="submit" class="primary">
            Return to the bot
          </button>
        </p>
      </form>
    </Dialog>
  );
}

export function CloseDialog({ done, close }: { done: (outcome: string) => void; close: () => void }): VNode {
  const [outcome, setOutcome] = useState("resolved");
  return (
    <Dialog title="Close the conversation" close={close}>
      <form
        method="dialog"
        onSubmit={(event) => {
          event.preventDefault();
          done(outcome);
        }}
      >
        <p>The customer sees that it has ended and can write again at any time.</p>
        <Outcomes value={outcome} set={setOutcome} />
        <p class="buttons">
          <button type="button" onClick={close}>
            Cancel
          </button>
          <button type="submit" class="primary">
            Close it
          </button>
        </p>
      </form>
    </Dialog>
  );
}

export function HelpDialog({ close }: { close: () => void }): VNode {
  return (
    <Dialog title="Keys" close={close}>
      <dl class="keys">
        {KEYS.map(({ key, does }) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
        <div>
          <dt>
            <kbd>Shift</kbd> <kbd>Enter</kbd>
          </dt>
          <dd>A new line in a message</dd>
        </div>
      </dl>
      <p class="buttons">
        <button type="button" class="primary" onClick={close}>
          Got it
        </button>
      </p>
    </Dialog>
  );
}

export function SettingsDialog({ settings, change, logOut, close }: {
  settings: Settings;
  change: (change: Partial<Settings>) => void;
  logOut: () => void;
  close: () => void;
}): VNode {
  const [refused, setRefused] = useState(false);
  return (
    <Dialog title="Settings" close={close}>
      <div class="options">
        <label>
          <input
            type="checkbox"
            checked={settings.sound}
            onChange={(event) => {
              const sound = event.currentTarget.checked;
              if (sound) {
                armSound();
                setTimeout(chime, 150);
              }
              change({ sound });
            }}
          />
          <span>
            Sound when somebody new waits
            <small>Plays once now, so that you know it.</small>
          </span>
        </label>
        <label>
          <input
            type="checkbox"
            checked={settings.desktop}
            onChange={(event) => {
              if (!event.currentTarget.checked) {
                change({ desktop: false });
                return;
              }
              void allowDesktop().then((allowed) => {
                setRefused(!allowed);
                change({ desktop: allowed });
              });
            }}
          />
          <span>
            Desktop notice when you look elsewhere
            {refused && <small role="alert">The browser does not allow notices for this page.</small>}
          </span>
        </label>
        <label>
          <input type="checkbox" checked={settings.keys} onChange={(event) => change({ keys: event.currentTarget.checked })} />
          <span>
            Single-key shortcuts
            <small>Press ? for the list.</small>
          </span>
        </label>
        <label class="field">
          Colours
          <select value={settings.theme} onChange={(event) => change({ theme: event.currentTarget.value as Settings["theme"] })}>
            <option value="auto">As the system</option>
            <option value="light">Light</option>
            <option value="dark">Dark</option>
          </select>
        </label>
      </div>
      <p class="buttons">
        <button type="button" onClick={logOut}>
          Log out
        </button>
        <button type="button" class="primary" onClick={close}>
          Done
        </button>
      </p>
    </Dialog>
  );
}

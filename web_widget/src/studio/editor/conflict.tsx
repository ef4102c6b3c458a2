/** Two people changed one field: who did what, and which of the two shall stand. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { fieldName, isField, type Field } from "../fields";
import type { Choice } from "../merge";
import type { EditConflict } from "../protocol";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { FieldDiff } from "../ui/diff";
import { when } from "../words";

interface Props {
  conflict: EditConflict;
  busy: boolean;
  save: (choices: Partial<Record<Field, Choice>>) => void;
  close: () => void;
}

export function ConflictDialog({ conflict, busy, save, close }: Props): VNode {
  const { by, at, conflicts } = conflict;
  const [choices, setChoices] = useState<Partial<Record<Field, Choice>>>({});
  const fields = conflicts.map(({ field }) => field).filter(isField);
  const open = fields.filter((field) => choices[field] === undefined);
  const all = (choice: Choice): void => setChoices(Object.fromEntries(fields.map((field) => [field, choice])));
  return (
    <Dialog title={`${by} changed this article too`} kind="wide" close={close}>
      <form
        method="dialog"
        onSubmit={(event) => {
          event.preventDefault();
          if (!busy && open.length === 0) save(choices);
        }}
      >
        <p>
          {by} saved at {when(at)}, while you were writing. What you changed in different places is put together by itself; for the
          following, choose what shall stand. Nothing is saved yet.
        </p>
        {fields.length > 1 && (
          <div class="conflict-all">
            <Button small onClick={() => all("mine")}>
              Keep all of mine
            </Button>
            <Button small onClick={() => all("theirs")}>
              Take all of theirs
            </Button>
          </div>
        )}
        {conflicts.map(({ field, base, theirs, yours }) =>
          isField(field) ? (
            <fieldset key={field} class="conflict">
              <legend>{fieldName(field)}</legend>
              {(["mine", "theirs"] as const).map((choice) => (
                <label key={choice} class={choices[field] === choice ? "side chosen" : "side"}>
                  <span class="side-head">
                    <input type="radio" name={`conflict-${field}`} checked={choices[field] === choice} onChange={() => setChoices({ ...choices, [field]: choice })} />
                    {choice === "mine" ? "Keep mine" : `Take ${by}’s`}
                  </span>
                  <FieldDiff field={field} before={base} after={choice === "mine" ? yours : theirs} />
                </label>
              ))}
            </fieldset>
          ) : null,
        )}
        <div class="buttons">
          <Button onClick={close}>Back to writing</Button>
          <Button type="submit" kind="primary" busy={busy} disabled={open.length > 0}>
            {busy ? "Saving…" : "Save"}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

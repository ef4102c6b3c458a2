/** Two people changed one intent differently: which of the two shall stand. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { Does, IntentConflict } from "../protocol_intents";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { when } from "../words";
import { doesText, FIELDS } from "./words";

export type Side = "mine" | "theirs";

function shown(field: string, value: unknown): string {
  if (field !== "does" || value === null) return typeof value === "string" ? value : "";
  return doesText(value as Does);
}

export function IntentConflictDialog({ conflict, busy, save, close }: {
  conflict: IntentConflict;
  busy: boolean;
  save: (choices: ReadonlyMap<string, Side>) => void;
  close: () => void;
}): VNode {
  const [choices, setChoices] = useState<ReadonlyMap<string, Side>>(new Map());
  const { by, at, conflicts } = conflict;
  return (
    <Dialog title={`${by} changed this intent too`} kind="wide" close={close}>
      <form
        method="dialog"
        onSubmit={(event) => {
          event.preventDefault();
          if (!busy && choices.size === conflicts.length) save(choices);
        }}
      >
        <p>
          {by} saved at {when(at)}, while you were writing. What you changed in different places is put together by itself; for the
          following, choose what shall stand. Nothing is saved yet.
        </p>
        {conflicts.map(({ field, theirs, yours }) => (
          <fieldset key={field} class="conflict">
            <legend>{FIELDS[field] ?? field}</legend>
            {(["mine", "theirs"] as const).map((side) => (
              <label key={side} class={choices.get(field) === side ? "side chosen" : "side"}>
                <span class="side-head">
                  <input
                    type="radio"
                    name={`conflict-${field}`}
                    checked={choices.get(field) === side}
                    onChange={() => setChoices(new Map([...choices, [field, side]]))}
                  />
                  {side === "mine" ? "Keep mine" : `Take ${by}’s`}
                </span>
                <span class="side-text" dir="auto">
                  {shown(field, side === "mine" ? yours : theirs)}
                </span>
              </label>
            ))}
          </fieldset>
        ))}
        <div class="buttons">
          <Button onClick={close}>Back to writing</Button>
          <Button type="submit" kind="primary" busy={busy} disabled={choices.size < conflicts.length}>
            {busy ? "Saving…" : "Save"}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

/** Some questions ask for something that the bot does or says, not for an article. */
import type { VNode } from "preact";
import { useId, useState } from "preact/hooks";
import type { Api } from "../api";
import { meaning } from "../intents/words";
import { INTENTS, intentProblem } from "../review_words";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { Field } from "../ui/field";
import { useLoad } from "../ui/load";

interface IntentRow {
  name: string;
  description?: string | null;
}

export function IntentDialog({ api, busy, close, choose }: { api: Api; busy: boolean; close: () => void; choose: (intent: string) => void }): VNode {
  const known = useLoad<{ intents: IntentRow[] }>(api, "/intents");
  const [name, setName] = useState("");
  const [wrong, setWrong] = useState<string | null>(null);
  const options = useId();
  const own = known.data?.intents ?? [];
  const rows = own.length === 0 ? INTENTS : own.map(({ name: of, description }) => ({ name: of, label: `When a customer ${meaning({ name: of, description: description ?? "" })}` }));
  return (
    <Dialog title="Give to an intent" close={close}>
      <form
        method="dialog"
        onSubmit={(event) => {
          event.preventDefault();
          const problem = intentProblem(name.trim());
          setWrong(problem);
          if (problem === null && !busy) choose(name.trim());
        }}
      >
        <p class="field-told">For what is small talk or a task rather than a question with an article. The next training learns these examples.</p>
        <Field label="Intent" error={wrong}>
          {(ids) => <input {...ids} list={options} autocomplete="off" maxLength={64} value={name} onInput={(event) => setName(event.currentTarget.value)} />}
        </Field>
        <datalist id={options}>
          {rows.map((intent) => (
            <option key={intent.name} value={intent.name}>
              {intent.label}
            </option>
          ))}
        </datalist>
        <div class="buttons">
          <Button onClick={close}>Cancel</Button>
          <Button type="submit" kind="primary" busy={busy}>
            Give to this intent
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

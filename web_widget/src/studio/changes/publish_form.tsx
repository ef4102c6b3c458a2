/** When articles go to customers and why: asked in the same way for one as for many. */
import type { ComponentChildren, VNode } from "preact";
import { useState } from "preact/hooks";
import { momentWords, timeZone, toLocal, toUtc } from "../dates";
import type { Studio } from "../page";
import type { Publication } from "../protocol";
import { Button } from "../ui/button";
import { Field } from "../ui/field";
import { count } from "../words";
import { publishedWords } from "./words";

interface Props {
  session: Studio;
  /** The articles to publish, named one by one: what somebody else changes this moment was not looked through. null: not now. */
  chosen: () => Promise<readonly string[] | null>;
  /** What it does, above the fields; `from` is when customers get it: "from their next question on". */
  told: (from: string) => ComponentChildren;
  /** `live`: at once; otherwise it is planned or waits for a yes. */
  done: (live: boolean) => void;
  close: () => void;
}

export function PublishForm({ session, chosen, told, done, close }: Props): VNode {
  const [at, setAt] = useState<string | null>(null);
  const [why, setWhy] = useState("");
  const [busy, setBusy] = useState(false);

  const publish = async (): Promise<void> => {
    setBusy(true);
    const articles = await chosen();
    const answer = articles === null ? null : await session.api.post<Publication>("/publish", { articles, ...(at === null ? {} : { at }), ...(why.trim() === "" ? {} : { why: why.trim() }) });
    setBusy(false);
    if (answer === null) return;
    if (!answer.ok) {
      session.refused(answer.error);
      return;
    }
    const { plan, published = [] } = answer.data;
    const n = published.length;
    session.tell(publishedWords(n < 2 ? "Published" : `${count(n, "change")} published`, answer.data, n < 2 ? "it" : "them"));
    session.refresh();
    done(plan === undefined);
  };

  return (
    <form
      method="dialog"
      onSubmit={(event) => {
        event.preventDefault();
        if (!busy) void publish();
      }}
    >
      {told(at === null ? "from their next question on" : `from ${momentWords(at)} on`)}
      <Field label="Not before (optional)" hint={`Empty: now. Your time, ${timeZone()}.`}>
        {(ids) => <input {...ids} type="datetime-local" value={toLocal(at)} onInput={(event) => setAt(toUtc(event.currentTarget.value))} />}
      </Field>
      <Field label="Why (optional)" hint="Stands in the activity log.">
        {(ids) => <input {...ids} dir="auto" maxLength={500} autocomplete="off" value={why} onInput={(event) => setWhy(event.currentTarget.value)} />}
      </Field>
      <div class="buttons">
        <Button onClick={close}>Cancel</Button>
        <Button type="submit" kind="primary" busy={busy}>
          {busy ? "Publishing…" : session.summary?.settings.approval === true ? "Ask for a yes" : at === null ? "Publish now" : "Plan it"}
        </Button>
      </div>
    </form>
  );
}

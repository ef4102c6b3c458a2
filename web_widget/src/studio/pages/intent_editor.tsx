/** One intent, as a sentence: when a customer means this, Baton does that. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { HistoryDrawer } from "../editor/history";
import { Notes } from "../editor/note";
import { NotOpen, SaveButton, useFocusOnFault, useSaveKey } from "../editor/saving";
import { useUnsaved } from "../guard";
import { IntentConflictDialog, type Side } from "../intents/conflict";
import { IntentDiff } from "../intents/diff";
import { DoesEditor } from "../intents/does";
import { EntityDialog } from "../intents/entity_dialog";
import { Examples } from "../intents/examples";
import { type Fault, faultOf } from "../intents/faults";
import { formatLine, type Line, parseLine } from "../intents/marks";
import { useIntentAdvice } from "../intents/use_advice";
import { meaning } from "../intents/words";
import type { PageProps } from "../page";
import type { Does, Entity, Intent, IntentConflict } from "../protocol_intents";
import { href, NEW_ARTICLE } from "../router";
import { Button } from "../ui/button";
import { Confirm } from "../ui/dialog";
import { Field } from "../ui/field";
import { useLoad } from "../ui/load";
import { PageHead } from "../ui/parts";
import { count, when } from "../words";

export function IntentEditor({ session, go, route }: PageProps): VNode {
  const name = route.id === NEW_ARTICLE ? null : route.id;
  const load = useLoad<{ intent: Intent }>(session.api, name === null ? null : `/intents/${encodeURIComponent(name)}`);
  if (name === null) return <Editor key="new" session={session} go={go} start={null} />;
  if (load.data === null)
    return (
      <NotOpen load={load} name="intent">
        <a href={href("intents")}>All intents</a>
      </NotOpen>
    );
  return <Editor key={name} session={session} go={go} start={load.data.intent} />;
}

interface Form {
  description: string;
  lines: readonly Line[];
  does: Does | null;
}

function formOf(intent: Intent | null): Form {
  const lines = (intent?.examples ?? []).map(parseLine);
  return {
    description: intent?.description ?? "",
    lines: intent !== null && lines.length > 0 ? lines : [{ text: "", marks: [] }],
    does: intent === null ? { kind: "say", texts: { en: "" } } : intent.does,
  };
}

function written(form: Form): { description: string; examples: string[]; does: Does | null } {
  const examples = form.lines.map((line) => formatLine(line).trim()).filter((text) => text !== "");
  return { description: form.description.trim(), examples, does: form.does };
}

function Editor({ session, go, start }: Pick<PageProps, "session" | "go"> & { start: Intent | null }): VNode {
  const [base, setBase] = useState(start);
  const [form, setForm] = useState(() => formOf(start));
  const [saving, setSaving] = useState(false);
  const [wrong, setWrong] = useState<Fault | null>(null);
  const [conflict, setConflict] = useState<IntentConflict | null>(null);
  const [deleting, setDeleting] = useState(false);
  const [looking, setLooking] = useState(false);
  const [making, setMaking] = useState<{ word: string; use: (entity: string) => void } | null>(null);
  const entities = useLoad<{ entities: Entity[] }>(session.api, "/entities");
  const notes = useIntentAdvice(session.api, base?.name ?? null, form.lines, form.does);
  const room = useFocusOnFault(wrong);
  const shipped = base?.shipped === true;
  const dirty = JSON.stringify(written(form)) !== JSON.stringify(written(formOf(base)));
  useUnsaved(dirty ? "This intent has changes that are not saved." : null);
  const change = (part: Partial<Form>): void => {
    setForm((now) => ({ ...now, ...part }));
    setWrong(null);
  };

  const send = async (body: ReturnType<typeof written>, version: number | null): Promise<void> => {
    if (saving) return;
    setSaving(true);
    const answer =
      base === null
        ? await session.api.post<{ intent: Intent; merged?: string[] }>("/intents", { intent: body })
        : await session.api.put<{ intent: Intent; merged?: string[] }>(`/intents/${encodeURIComponent(base.name)}`, { base_version: version, intent: body });
    setSaving(false);
    if (answer.ok) {
      const { intent, merged = [] } = answer.data;
      setConflict(null);
      setBase(intent);
      setForm(formOf(intent));
      session.tell(merged.length === 0 ? "Saved. The next training learns it." : `Saved, with what ${intent.updated_by === session.agent.name ? "somebody else" : intent.updated_by} had changed meanwhile.`);
      session.refresh();
      if (base === null) go(href("intents", intent.name), { leave: true, replace: true });
    } else if (answer.error.code === "edit_conflict") setConflict(answer.error.data as unknown as IntentConflict);
    else if (answer.error.code === "bad_intent") setWrong(faultOf(answer.error));
    else session.refused(answer.error);
  };
  const save = async (): Promise<void> => {
    if (!shipped && form.description.trim() === "") setWrong({ field: "description", message: "Say what the customer means." });
    else await send(written(form), base?.version ?? null);
  };
  const settle = (choices: ReadonlyMap<string, Side>): void => {
    if (conflict === null) return;
    const mine = written(form);
    const { theirs } = conflict;
    const body = {
      description: choices.get("description") === "theirs" ? theirs.description : mine.description,
      does: choices.get("does") === "theirs" ? theirs.does : mine.does,
      examples: mine.examples,
    };
    // Examples are merged from what was opened; on their version the lists of both are put together here.
    const had = new Set(base?.examples ?? []);
    const kept = theirs.examples.filter((text) => mine.examples.includes(text) || !had.has(text));
    body.examples = [...kept, ...mine.examples.filter((text) => !kept.includes(text) && (!had.has(text) || theirs.examples.includes(text)))];
    void send(body, conflict.version);
  };
  useSaveKey(save);

  const remove = async (): Promise<void> => {
    if (base === null) return;
    const answer = await session.api.del(`/intents/${encodeURIComponent(base.name)}`, { base_version: base.version });
    setDeleting(false);
    if (answer.ok) {
      setForm(formOf(base));
      session.tell("Deleted. The bot forgets it with the next training.");
      go(href("intents"), { leave: true });
    } else session.refused(answer.error);
  };

  const at = (field: string): string | null => (wrong?.field === field ? wrong.message : null);
  const example = form.lines.find((line) => line.text.trim() !== "")?.text ?? "";
  return (
    <div ref={room} class="editor intent">
      <div class="editor-head">
        <PageHead
          title={base === null ? "New intent" : `When a customer ${meaning(base)}`}
          lead={
            base === null ? (
              "Say what customers mean and what Baton does then. It works from the next training on."
            ) : base.updated_at === null ? (
              "It comes with Baton."
            ) : (
              <>
                Version {base.version}, saved {when(base.updated_at)} by <span dir="auto">{base.updated_by}</span>.
              </>
            )
          }
        >
          {base !== null && (
            <Button kind="ghost" onClick={() => setLooking(true)}>
              History
            </Button>
          )}
          {base !== null && !shipped && (
            <Button kind="ghost" onClick={() => setDeleting(true)}>
              Delete
            </Button>
          )}
          <div class="editor-bar">
            {dirty && <span class="unsaved">Not saved</span>}
            <SaveButton saving={saving} save={save} />
          </div>
        </PageHead>
      </div>
      {!shipped && (
        <section class="editor-part" aria-label="What the customer means">
          <Field label="When a customer …" hint="Goes on with the sentence, such as “wants to buy in bulk”." error={at("description") ?? at("name")}>
            {(ids) => (
              <input
                {...ids}
                class="title-input"
                dir="auto"
                autocomplete="off"
                maxLength={200}
                placeholder="wants to buy in bulk"
                value={form.description}
                onInput={(event) => change({ description: event.currentTarget.value })}
              />
            )}
          </Field>
        </section>
      )}
      <section class="editor-part" aria-labelledby="examples-title">
        <div class="part-head">
          <h2 id="examples-title">{shipped ? "Your examples" : "… for example with these words"}</h2>
          <span class="part-count">{count(form.lines.filter(({ text }) => text.trim() !== "").length, "example")}</span>
        </div>
        <p class="part-lead">As customers write it, one a line. Select a word to mark what it is.</p>
        <Notes notes={notes.examples} />
        {at("examples") !== null && (
          <p class="field-told wrong" role="alert">
            {at("examples")}
          </p>
        )}
        <Examples
          lines={form.lines}
          entities={entities.data?.entities ?? []}
          notes={notes.lines}
          change={(lines) => change({ lines })}
          make={(word, use) => setMaking({ word, use })}
        />
        {base !== null && base.shipped_examples.length > 0 && (
          <details class="shipped-examples">
            <summary>{count(base.shipped_examples.length, "example")} that come with Baton</summary>
            <ul>
              {base.shipped_examples.map((text) => (
                <li key={text} dir="auto">
                  {parseLine(text).text}
                </li>
              ))}
            </ul>
          </details>
        )}
      </section>
      {form.does !== null && (
        <section class="editor-part" aria-labelledby="does-title">
          <div class="part-head">
            <h2 id="does-title">… Baton</h2>
          </div>
          <Notes notes={notes.does} />
          <DoesEditor api={session.api} does={form.does} locale="en" error={at("does")} example={example} change={(does) => change({ does })} />
        </section>
      )}
      {making !== null && (
        <EntityDialog
          session={session}
          entity={null}
          first={making.word}
          taken={(entities.data?.entities ?? []).map(({ name }) => name)}
          saved={(entity) => {
            entities.put({ entities: [...(entities.data?.entities ?? []), entity] });
            making.use(entity.name);
            setMaking(null);
          }}
          close={() => setMaking(null)}
        />
      )}
      {looking && base !== null && (
        <HistoryDrawer<Intent>
          session={session}
          path={`/intents/${encodeURIComponent(base.name)}`}
          kind="intent"
          version={base.version}
          dirty={dirty}
          then="The next training learns it."
          diff={(before, after) => <IntentDiff before={before} after={after} />}
          restored={(intent) => {
            setBase(intent);
            setForm(formOf(intent));
            setLooking(false);
          }}
          close={() => setLooking(false)}
        />
      )}
      {deleting && base !== null && (
        <Confirm title="Delete this intent?" button="Delete" danger confirm={() => void remove()} close={() => setDeleting(false)}>
          <p>
            Its {count(base.examples.length, "example")} go with it. Baton goes on as it does now until the next training.
          </p>
        </Confirm>
      )}
      {conflict !== null && <IntentConflictDialog conflict={conflict} busy={saving} save={settle} close={() => setConflict(null)} />}
    </div>
  );
}

/** What marked words are: some words, a code, or something of a known form. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { PageProps } from "../page";
import type { Entity, EntityKind } from "../protocol_intents";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { Field } from "../ui/field";
import { refusal } from "../words";
import { type Fault, faultOf } from "./faults";
import { nameFor, wordsFrom, wordsText } from "./marks";
import { KINDS } from "./words";

interface Props {
  session: PageProps["session"];
  /** null: a new one, with this first word. */
  entity: Entity | null;
  first?: string;
  taken: readonly string[];
  saved: (entity: Entity) => void;
  removed?: () => void;
  close: () => void;
}

export function EntityDialog({ session, entity, first = "", taken, saved, removed, close }: Props): VNode {
  const [description, setDescription] = useState(entity?.description ?? "");
  const [kind, setKind] = useState<EntityKind>(entity?.kind ?? "words");
  const [words, setWords] = useState(entity === null ? first : wordsText(entity.words));
  const [prefix, setPrefix] = useState(entity?.prefix ?? "");
  const [least, setLeast] = useState(entity === null || entity.least === 0 ? 4 : entity.least);
  const [most, setMost] = useState(entity === null || entity.most === 0 ? 8 : entity.most);
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState<Fault | null>(null);
  const at = (...fields: string[]): string | null => (wrong !== null && fields.includes(wrong.field) ? wrong.message : null);

  const save = async (): Promise<void> => {
    if (description.trim() === "") {
      setWrong({ field: "description", message: "Say what it is, such as “Product”." });
      return;
    }
    setBusy(true);
    const name = entity?.name ?? nameFor(description, [...taken, "order_number", "rule", "language", "intent", "entity", "text"]);
    const answer = await session.api.put<{ entity: Entity }>(`/entities/${encodeURIComponent(name)}`, {
      base_version: entity?.version ?? null,
      entity: {
        description: description.trim(),
        kind,
        words: kind === "words" ? wordsFrom(words) : [],
        ...(kind === "code" ? { prefix: prefix.trim(), least, most } : {}),
      },
    });
    setBusy(false);
    if (answer.ok) saved(answer.data.entity);
    else setWrong(faultOf(answer.error));
  };

  const remove = async (): Promise<void> => {
    if (entity === null) return;
    setBusy(true);
    const answer = await session.api.del(`/entities/${encodeURIComponent(entity.name)}`, { base_version: entity.version });
    setBusy(false);
    if (answer.ok) removed?.();
    else setWrong({ field: "", message: refusal(answer.error) });
  };

  const hint = KINDS.find(({ value }) => value === kind)?.hint ?? "";
  return (
    <Dialog title={entity === null ? "A new kind of word" : "Words to find"} close={close}>
      <form
        method="dialog"
        onSubmit={(event) => {
          event.preventDefault();
          if (!busy) void save();
        }}
      >
        <Field label="What is it?" hint="As the agent's card will call it, such as “Product”." error={at("description", "name")}>
          {(ids) => <input {...ids} dir="auto" autocomplete="off" maxLength={200} value={description} onInput={(event) => setDescription(event.currentTarget.value)} />}
        </Field>
        <Field label="How is it found?" hint={kind === "words" ? undefined : hint} error={at("kind")}>
          {(ids) => (
            <select {...ids} value={kind} onChange={(event) => setKind(event.currentTarget.value as EntityKind)}>
              {KINDS.map(({ value, label }) => (
                <option key={value} value={value}>
                  {label}
                </option>
              ))}
            </select>
          )}
        </Field>
        {kind === "words" && (
          <Field label="Words" hint={hint} error={at("words")}>
            {(ids) => <textarea {...ids} rows={6} dir="auto" value={words} onInput={(event) => setWords(event.currentTarget.value)} />}
          </Field>
        )}
        {kind === "code" && (
          <div class="code-fields">
            <Field label="Begins with" error={at("prefix")}>
              {(ids) => <input {...ids} autocomplete="off" maxLength={12} value={prefix} onInput={(event) => setPrefix(event.currentTarget.value)} />}
            </Field>
            <Field label="Fewest digits" error={at("least")}>
              {(ids) => <input {...ids} type="number" min={1} max={20} value={least} onInput={(event) => setLeast(event.currentTarget.valueAsNumber || 0)} />}
            </Field>
            <Field label="Most digits">
              {(ids) => <input {...ids} type="number" min={1} max={20} value={most} onInput={(event) => setMost(event.currentTarget.valueAsNumber || 0)} />}
            </Field>
          </div>
        )}
        {wrong !== null && !["description", "name", "kind", "words", "prefix", "least"].includes(wrong.field) && (
          <p class="field-told wrong" role="alert">
            {wrong.message}
          </p>
        )}
        <div class="buttons">
          {entity !== null && removed !== undefined && (
            <Button kind="ghost" busy={busy} onClick={() => void remove()}>
              Remove
            </Button>
          )}
          <Button onClick={close}>Cancel</Button>
          <Button type="submit" kind="primary" busy={busy}>
            Save
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

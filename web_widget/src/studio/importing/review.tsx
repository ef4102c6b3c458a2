/** What an import would do, article by article and fault by fault. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { fieldName } from "../fields";
import type { ImportChange, ImportedArticle, ImportPreview, RowNote } from "../protocol";
import { Button } from "../ui/button";
import { FieldDiff } from "../ui/diff";
import { Chips } from "../ui/field";
import { Badge, Notice, type Tone } from "../ui/parts";
import { count } from "../words";

type Shown = "all" | ImportChange;

const KINDS: Record<ImportChange, { tone: Tone; words: string }> = {
  added: { tone: "good", words: "New" },
  changed: { tone: "warn", words: "Changes" },
  unchanged: { tone: "plain", words: "As before" },
};

function Places({ notes, more }: { notes: readonly RowNote[]; more: number }): VNode {
  return (
    <ul class="import-errors">
      {notes.map((note, i) => (
        <li key={i}>
          <span class="import-where">
            {note.file}
            {note.line > 0 && `, line ${note.line}`}
          </span>{" "}
          {note.message}
        </li>
      ))}
      {more > 0 && <li>and {more.toLocaleString("en-GB")} more.</li>}
    </ul>
  );
}

function Row({ article, skipped, choose }: { article: ImportedArticle; skipped: boolean; choose: (on: boolean) => void }): VNode {
  const [open, setOpen] = useState(false);
  const { id, title, change, questions, answer, fields = [] } = article;
  const kind = KINDS[change];
  return (
    <li class={skipped ? "skipped" : ""}>
      <div class="import-row">
        <label>
          <input
            type="checkbox"
            aria-label={`Import ${title}`}
            disabled={change === "unchanged"}
            checked={!skipped && change !== "unchanged"}
            onChange={(event) => choose(event.currentTarget.checked)}
          />
          <span class="import-words">
            <span class="import-title" dir="auto">
              {title}
            </span>
            <span class="import-answer" dir="auto">
              {answer?.slice(0, 160) ?? ""}
            </span>
          </span>
        </label>
        <span class="import-told">
          {questions !== undefined && count(questions.length, "variant")} <Badge tone={kind.tone}>{kind.words}</Badge>{" "}
          {fields.length > 0 && (
            <Button small aria-expanded={open} aria-controls={`import-${id}`} onClick={() => setOpen(!open)}>
              {open ? "Hide" : "Show"}
              <span class="sr"> what changes in {title}</span>
            </Button>
          )}
        </span>
      </div>
      {fields.length > 0 && (
        <div id={`import-${id}`} class="change-more" hidden={!open}>
          {open && (
            <dl class="diff">
              {fields.map(({ field, before, after }) => (
                <div key={field}>
                  <dt>{fieldName(field)}</dt>
                  <dd>
                    <FieldDiff field={field} before={before} after={after} />
                  </dd>
                </div>
              ))}
            </dl>
          )}
        </div>
      )}
    </li>
  );
}

interface Props {
  name: string;
  found: ImportPreview;
  busy: boolean;
  apply: (skip: string[], replace: boolean) => void;
  again: () => void;
}

export function ImportReview({ name, found, busy, apply, again }: Props): VNode {
  const { counts, errors, articles, notes = [], intents = [] } = found;
  const [skip, setSkip] = useState<ReadonlySet<string>>(new Set());
  const [replace, setReplace] = useState(false);
  const [shown, setShown] = useState<Shown>("all");
  const removed = counts.removed ?? 0;
  const otherIntents = counts.intents ?? 0;
  const listed = counts.added + counts.changed + counts.unchanged - articles.length;
  const n = counts.added + counts.changed - articles.filter(({ id, change }) => skip.has(id) && change !== "unchanged").length;
  const nothing = n === 0 && otherIntents === 0 && !(replace && removed > 0);
  const rows = articles.filter(({ change }) => shown === "all" || change === shown);
  const choose = (id: string, on: boolean): void => {
    const next = new Set(skip);
    if (on) next.delete(id);
    else next.add(id);
    setSkip(next);
  };
  const figures: [string, number, boolean][] = [
    ["New", counts.added, false],
    ["Changed", counts.changed, false],
    ["As before", counts.unchanged, false],
    ["Errors", counts.errors, counts.errors > 0],
  ];
  return (
    <section class="import" aria-labelledby="review-title">
      <h2 id="review-title">
        What <span class="file-name">{name}</span> would change
      </h2>
      <dl class="figures">
        {figures.map(([label, value, wrong]) => (
          <div key={label} class={wrong ? "wrong" : ""}>
            <dt>{label}</dt>
            <dd>{value.toLocaleString("en-GB")}</dd>
          </div>
        ))}
      </dl>
      {counts.errors > 0 && (
        <Notice tone="bad" title={`${count(counts.errors, "error")}: nothing can be imported until ${counts.errors === 1 ? "it is" : "they are"} mended.`}>
          <Places notes={errors} more={found.more_errors} />
        </Notice>
      )}
      {notes.length > 0 && (
        <details class="import-notes">
          <summary>{count(notes.length + (found.more_notes ?? 0), "thing was passed over", "things were passed over")}</summary>
          <Places notes={notes} more={found.more_notes ?? 0} />
        </details>
      )}
      {articles.length > 0 && (
        <>
          <Chips
            label="Show"
            value={shown}
            options={[
              { value: "all", label: "All" },
              { value: "added", label: "New", n: counts.added },
              { value: "changed", label: "Changed", n: counts.changed },
              { value: "unchanged", label: "As before", n: counts.unchanged },
            ]}
            choose={setShown}
          />
          <ul class="import-list" tabIndex={0} aria-label="Articles of the file">
            {rows.map((article) => (
              <Row key={article.id} article={article} skipped={skip.has(article.id)} choose={(on) => choose(article.id, on)} />
            ))}
          </ul>
          {listed > 0 && <p class="part-lead">{count(listed, "more article is", "more articles are")} not listed, and imported with these.</p>}
        </>
      )}
      {otherIntents > 0 && (
        <details class="import-notes">
          <summary>{count(otherIntents, "intent changes", "intents change")}</summary>
          <ul class="import-errors">
            {intents
              .filter(({ change }) => change !== "unchanged")
              .map((intent) => (
                <li key={intent.name}>
                  <span class="import-where">{intent.name}</span> {count(intent.added.length, "example")} more, {intent.removed.length} fewer
                </li>
              ))}
          </ul>
        </details>
      )}
      {removed > 0 && (
        <label class="check">
          <input type="checkbox" checked={replace} onChange={(event) => setReplace(event.currentTarget.checked)} />
          <span>
            Delete the {count(removed, "article")} that this file does not have
            <small>For a file that holds all articles. Their history stays.</small>
          </span>
        </label>
      )}
      <div class="buttons start">
        <Button kind="primary" busy={busy} disabled={counts.errors > 0 || nothing} onClick={() => apply([...skip], replace)}>
          {busy ? "Importing…" : nothing ? "Nothing to import" : n > 0 ? `Import ${count(n, "article")}` : "Import"}
        </Button>
        <Button onClick={again}>Choose another file</Button>
      </div>
    </section>
  );
}

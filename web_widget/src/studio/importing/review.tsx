/** What an import would do, article by article and fault by fault. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { ImportPreview } from "../protocol";
import { Button } from "../ui/button";
import { Chips } from "../ui/field";
import { Badge, Notice, type Tone } from "../ui/parts";
import { count } from "../words";

type Kind = ImportPreview["articles"][number]["change"];
type Shown = "all" | Kind;

const KINDS: Record<Kind, { tone: Tone; words: string }> = {
  added: { tone: "good", words: "New" },
  changed: { tone: "warn", words: "Changes" },
  unchanged: { tone: "plain", words: "As before" },
};

interface Props {
  name: string;
  found: ImportPreview;
  busy: boolean;
  apply: (skip: string[], replace: boolean) => void;
  again: () => void;
}

export function ImportReview({ name, found, busy, apply, again }: Props): VNode {
  const { counts, errors, more_errors: more, articles } = found;
  const [skip, setSkip] = useState<ReadonlySet<string>>(new Set());
  const [replace, setReplace] = useState(false);
  const [shown, setShown] = useState<Shown>("all");
  const total = counts.added + counts.changed + counts.unchanged;
  const n = counts.added + counts.changed - articles.filter(({ id, change }) => skip.has(id) && change !== "unchanged").length;
  const rows = articles.filter(({ change }) => shown === "all" || change === shown);
  const toggle = (id: string, on: boolean): void => {
    const next = new Set(skip);
    if (on) next.delete(id);
    else next.add(id);
    setSkip(next);
  };
  return (
    <section class="import" aria-labelledby="review-title">
      <div class="part-head">
        <h2 id="review-title">
          What <span class="file-name">{name}</span> would change
        </h2>
      </div>
      <dl class="figures">
        <div>
          <dt>New</dt>
          <dd>{counts.added.toLocaleString("en-GB")}</dd>
        </div>
        <div>
          <dt>Changed</dt>
          <dd>{counts.changed.toLocaleString("en-GB")}</dd>
        </div>
        <div>
          <dt>As before</dt>
          <dd>{counts.unchanged.toLocaleString("en-GB")}</dd>
        </div>
        <div class={counts.errors > 0 ? "wrong" : ""}>
          <dt>Errors</dt>
          <dd>{counts.errors.toLocaleString("en-GB")}</dd>
        </div>
      </dl>
      {counts.errors > 0 && (
        <Notice tone="bad" title={`${count(counts.errors, "error")}: nothing can be imported until ${counts.errors === 1 ? "it is" : "they are"} mended.`}>
          <ul class="import-errors">
            {errors.map((error, i) => (
              <li key={i}>
                <span class="import-where">
                  {error.file}
                  {error.line !== null && `, line ${error.line}`}
                </span>{" "}
                {error.message}
              </li>
            ))}
            {more > 0 && <li>and {count(more, "more error")}.</li>}
          </ul>
        </Notice>
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
          <ul class="import-list">
            {rows.map(({ id, title, change, questions, answer }) => (
              <li key={id} class={skip.has(id) ? "skipped" : ""}>
                <label>
                  <input type="checkbox" aria-label={`Import ${title}`} disabled={change === "unchanged"} checked={!skip.has(id) && change !== "unchanged"} onChange={(event) => toggle(id, event.currentTarget.checked)} />
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
                  {questions !== undefined && count(questions.length, "variant")} <Badge tone={KINDS[change].tone}>{KINDS[change].words}</Badge>
                </span>
              </li>
            ))}
          </ul>
          {articles.length < total && <p class="part-lead">The first {articles.length.toLocaleString("en-GB")} are listed; the others are imported with them.</p>}
        </>
      )}
      <label class="check">
        <input type="checkbox" checked={replace} onChange={(event) => setReplace(event.currentTarget.checked)} />
        <span>
          Delete articles that this file does not have
          <small>For a file that holds all articles. Their history stays.</small>
        </span>
      </label>
      <div class="buttons start">
        <Button kind="primary" busy={busy} disabled={counts.errors > 0 || (n === 0 && !replace)} onClick={() => apply([...skip], replace)}>
          {busy ? "Importing…" : n === 0 && !replace ? "Nothing to import" : `Import ${count(n, "article")}`}
        </Button>
        <Button onClick={again}>Choose another file</Button>
      </div>
    </section>
  );
}

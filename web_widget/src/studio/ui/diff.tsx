/** What changed in an article, field by field, to be read. */
import type { ComponentChildren, VNode } from "preact";
import { useState } from "preact/hooks";
import { momentWords } from "../dates";
import { diffLists, diffWords } from "../diff";
import { changedFields, type Field, FIELDS, fieldName, type Written } from "../fields";
import { Button } from "./button";
import { count } from "../words";

const LISTED = 20;

export function TextDiff({ before, after }: { before: string; after: string }): VNode {
  return (
    <p class="diff-text" dir="auto">
      {diffWords(before, after).map((part) =>
        part.t === "same" ? (
          part.text
        ) : part.t === "gone" ? (
          <del>
            <span class="sr">[gone: </span>
            {part.text}
            <span class="sr">]</span>
          </del>
        ) : (
          <ins>
            <span class="sr">[new: </span>
            {part.text}
            <span class="sr">]</span>
          </ins>
        ),
      )}
    </p>
  );
}

function Some({ texts, children }: { texts: readonly string[]; children: (text: string) => ComponentChildren }): VNode {
  const [all, setAll] = useState(false);
  return (
    <>
      {(all ? texts : texts.slice(0, LISTED)).map(children)}
      {!all && texts.length > LISTED && (
        <li class="diff-more">
          <Button kind="link" onClick={() => setAll(true)}>
            Show {count(texts.length - LISTED, "more", "more")}
          </Button>
        </li>
      )}
    </>
  );
}

export function ListChanges({ before, after }: { before: readonly string[]; after: readonly string[] }): VNode {
  const { gone, added, kept } = diffLists(before, after);
  return (
    <ul class="diff-list">
      <Some texts={added}>
        {(text) => (
          <li key={`+${text}`} dir="auto">
            <ins>
              <span class="sr">new: </span>
              {text}
            </ins>
          </li>
        )}
      </Some>
      <Some texts={gone}>
        {(text) => (
          <li key={`-${text}`} dir="auto">
            <del>
              <span class="sr">gone: </span>
              {text}
            </del>
          </li>
        )}
      </Some>
      {gone.length + added.length === 0 && <li class="diff-more">The order alone changed.</li>}
      {kept > 0 && <li class="diff-more">{count(kept, "other stays", "others stay")} as before.</li>}
    </ul>
  );
}

/** A value as an editor reads it. */
export function valueWords(field: string, value: unknown): string {
  if (value === null || value === undefined || value === "") return field === "owner" ? "nobody" : "none";
  if (Array.isArray(value)) return value.join(field === "tags" ? ", " : "\n");
  if ((field === "valid_from" || field === "valid_until") && typeof value === "string") return momentWords(value);
  return typeof value === "string" ? value : JSON.stringify(value);
}

export function FieldDiff({ field, before, after }: { field: string; before: unknown; after: unknown }): VNode {
  if (Array.isArray(before) && Array.isArray(after)) return <ListChanges before={before as string[]} after={after as string[]} />;
  if (field === "title" || field === "answer") return <TextDiff before={typeof before === "string" ? before : ""} after={typeof after === "string" ? after : ""} />;
  return (
    <p class="diff-text">
      <del>
        <span class="sr">before: </span>
        {valueWords(field, before)}
      </del>{" "}
      <span aria-hidden="true">→ </span>
      <ins>
        <span class="sr">now: </span>
        {valueWords(field, after)}
      </ins>
    </p>
  );
}

/** Fields that only one side has are left out: a release knows no owner and no status. */
export function ArticleDiff({ before, after }: { before: Partial<Written>; after: Partial<Written> }): VNode {
  const known = FIELDS.filter((field) => before[field] !== undefined && after[field] !== undefined);
  const both = (of: Partial<Written>): Written => Object.fromEntries(known.map((field) => [field, of[field]])) as Written;
  const fields: Field[] = changedFields(both(before), both(after));
  if (fields.length === 0) return <p class="part-lead">They say the same.</p>;
  return (
    <dl class="diff">
      {fields.map((field) => (
        <div key={field}>
          <dt>{fieldName(field)}</dt>
          <dd>
            <FieldDiff field={field} before={before[field]} after={after[field]} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** What else belongs to an article: whether it is ready, its tags, language, owner, and when it holds. */
import type { VNode } from "preact";
import { useId, useState } from "preact/hooks";
import { CloseIcon } from "../../shared/icons";
import { timeZone, toLocal, toUtc, validity, validityWords } from "../dates";
import type { Written } from "../fields";
import { Field } from "../ui/field";

interface Props {
  article: Written;
  /** What is known of other articles, offered while one writes. */
  tags: readonly string[];
  locales: readonly string[];
  change: (part: Partial<Written>) => void;
}

function Tags({ tags, known, change }: { tags: readonly string[]; known: readonly string[]; change: (tags: string[]) => void }): VNode {
  const [text, setText] = useState("");
  const list = useId();
  const add = (): void => {
    const added = text
      .split(",")
      .map((tag) => tag.trim())
      .filter((tag) => tag !== "" && !tags.includes(tag));
    if (added.length > 0) change([...tags, ...new Set(added)]);
    setText("");
  };
  return (
    <Field label="Tags" hint="Enter or a comma adds one.">
      {(ids) => (
        <>
          <input
            {...ids}
            list={list}
            autocomplete="off"
            maxLength={400}
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
            onBlur={add}
            onKeyDown={(event) => {
              if (event.isComposing) return;
              if (event.key === "Enter" || event.key === ",") {
                event.preventDefault();
                add();
              } else if (event.key === "Backspace" && text === "" && tags.length > 0) change(tags.slice(0, -1));
            }}
          />
          <datalist id={list}>
            {known
              .filter((tag) => !tags.includes(tag))
              .map((tag) => (
                <option key={tag} value={tag} />
              ))}
          </datalist>
          {tags.length > 0 && (
            <ul class="tag-list" aria-label="Tags of this article">
              {tags.map((tag) => (
                <li key={tag} class="tag">
                  <span dir="auto">{tag}</span>
                  <button type="button" aria-label={`Remove the tag ${tag}`} onClick={() => change(tags.filter((other) => other !== tag))}>
                    <CloseIcon />
                  </button>
                </li>
              ))}
            </ul>
          )}
        </>
      )}
    </Field>
  );
}

export function Details({ article, tags, locales, change }: Props): VNode {
  const languages = useId();
  const { valid_from: from, valid_until: until } = article;
  const never = validity(from, until, Date.now()) === "never";
  return (
    <section class="editor-part details">
      <h2>Details</h2>
      <fieldset class="choices-two">
        <legend>Status</legend>
        <label>
          <input type="radio" name="status" checked={article.status === "ready"} onChange={() => change({ status: "ready" })} />
          <span>
            Ready
            <small>May be published and trained.</small>
          </span>
        </label>
        <label>
          <input type="radio" name="status" checked={article.status === "draft"} onChange={() => change({ status: "draft" })} />
          <span>
            Draft
            <small>Kept here until it is ready.</small>
          </span>
        </label>
      </fieldset>
      <Tags tags={article.tags} known={tags} change={(next) => change({ tags: next })} />
      <Field label="Language" hint="A code such as en, de or pt-BR.">
        {(ids) => (
          <>
            <input {...ids} list={languages} autocomplete="off" maxLength={20} value={article.locale} onInput={(event) => change({ locale: event.currentTarget.value.trim() })} />
            <datalist id={languages}>
              {locales.map((locale) => (
                <option key={locale} value={locale} />
              ))}
            </datalist>
          </>
        )}
      </Field>
      <Field label="Owner" hint="Who knows whether it is still right.">
        {(ids) => <input {...ids} dir="auto" autocomplete="off" maxLength={80} value={article.owner ?? ""} onInput={(event) => change({ owner: event.currentTarget.value })} />}
      </Field>
      <Field label="Valid from">
        {(ids) => <input {...ids} type="datetime-local" value={toLocal(from)} onInput={(event) => change({ valid_from: toUtc(event.currentTarget.value) })} />}
      </Field>
      <Field label="Valid until" error={never ? "It must end after it begins." : null}>
        {(ids) => <input {...ids} type="datetime-local" value={toLocal(until)} onInput={(event) => change({ valid_until: toUtc(event.currentTarget.value) })} />}
      </Field>
      <p class="validity">
        {validityWords(from, until, Date.now())}
        {(from !== null || until !== null) && <small>Your time: {timeZone()}.</small>}
      </p>
    </section>
  );
}

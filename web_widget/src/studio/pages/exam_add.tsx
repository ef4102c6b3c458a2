/** One more question for the exam, with the article that is right, or none. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { Studio } from "../page";
import type { ArticleRow } from "../protocol";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { Field } from "../ui/field";
import { ArticleSearch } from "./article_search";

export function AddQuestion({ session, close, added }: { session: Studio; close: () => void; added: () => void }): VNode {
  const [text, setText] = useState("");
  const [article, setArticle] = useState<ArticleRow | null>(null);
  const [none, setNone] = useState(false);
  const [locale, setLocale] = useState("en");
  const [searching, setSearching] = useState(false);
  const [busy, setBusy] = useState(false);
  const [tried, setTried] = useState(false);
  const submit = async (): Promise<void> => {
    setTried(true);
    if (text.trim() === "" || (article === null && !none)) return;
    setBusy(true);
    const answer = await session.api.post("/exam", { text: text.trim(), article_id: none ? null : (article?.id ?? null), locale: none ? locale : (article?.locale ?? locale) });
    setBusy(false);
    if (answer.ok) added();
    else session.refused(answer.error);
  };
  if (searching)
    return (
      <ArticleSearch
        api={session.api}
        title="Which article is right?"
        first={text}
        close={() => setSearching(false)}
        choose={(found) => {
          setArticle(found);
          setSearching(false);
        }}
      />
    );
  return (
    <Dialog title="Add a question to the exam" close={close}>
      <form
        method="dialog"
        onSubmit={(event) => {
          event.preventDefault();
          if (!busy) void submit();
        }}
      >
        <Field label="Question" hint="As a customer would write it, mistakes included." error={tried && text.trim() === "" ? "Write the question." : null}>
          {(ids) => <input {...ids} dir="auto" maxLength={1000} value={text} onInput={(event) => setText(event.currentTarget.value)} />}
        </Field>
        <fieldset class="exam-right">
          <legend>What is right?</legend>
          <label class="option">
            <input type="radio" name="right" checked={!none} onChange={() => setNone(false)} />
            <span>An article answers it</span>
          </label>
          {!none && (
            <p class="exam-article">
              {article !== null && <strong dir="auto">{article.title} </strong>}
              <Button small onClick={() => setSearching(true)}>
                {article === null ? "Choose the article…" : "Choose another…"}
              </Button>
            </p>
          )}
          <label class="option">
            <input type="radio" name="right" checked={none} onChange={() => setNone(true)} />
            <span>No article answers it: the bot should not either</span>
          </label>
          {none && (
            <Field label="Language">
              {(ids) => (
                <select {...ids} value={locale} onChange={(event) => setLocale(event.currentTarget.value)}>
                  <option value="en">English</option>
                  <option value="de">German</option>
                  <option value="fr">French</option>
                  <option value="es">Spanish</option>
                </select>
              )}
            </Field>
          )}
          {tried && article === null && !none && (
            <p class="field-told wrong" role="alert">
              Choose the article that answers it.
            </p>
          )}
        </fieldset>
        <div class="buttons">
          <Button onClick={close}>Cancel</Button>
          <Button type="submit" kind="primary" busy={busy}>
            Add
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

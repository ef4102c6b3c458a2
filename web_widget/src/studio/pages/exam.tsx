/** The exam: questions that nothing is ever trained on, by which every release is judged. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { Studio } from "../page";
import type { ArticleRow } from "../protocol";
import type { ExamQuestion } from "../protocol_teach";
import { href } from "../router";
import { Button } from "../ui/button";
import { Confirm, Dialog } from "../ui/dialog";
import { Field } from "../ui/field";
import { useLoad } from "../ui/load";
import { EmptyState, LoadFailed, Spinner } from "../ui/parts";
import { type Column, Table } from "../ui/table";
import { count, when } from "../words";
import { ArticleSearch } from "./article_search";

const STEP = 50;

export function Exam({ session }: { session: Studio }): VNode {
  const exam = useLoad<{ questions: ExamQuestion[] }>(session.api, "/exam");
  const [adding, setAdding] = useState(false);
  const [removing, setRemoving] = useState<ExamQuestion | null>(null);
  const [words, setWords] = useState("");
  const [shown, setShown] = useState(STEP);
  if (exam.data === null) return exam.error === null ? <Spinner /> : <LoadFailed error={exam.error} again={exam.again} />;
  const all = exam.data.questions;
  const sought = words.trim().toLocaleLowerCase();
  const found = sought === "" ? all : all.filter((q) => q.text.toLocaleLowerCase().includes(sought) || (q.article_id ?? "").includes(sought));
  const remove = async (question: ExamQuestion): Promise<void> => {
    const answer = await session.api.del(`/exam/${encodeURIComponent(question.id)}`);
    setRemoving(null);
    if (!answer.ok) {
      session.refused(answer.error);
      return;
    }
    session.tell("Removed from the exam.");
    exam.again();
  };
  const columns: Column<ExamQuestion>[] = [
    { name: "Question", cell: (q) => <span dir="auto">{q.text}</span> },
    { name: "Right answer", cell: (q) => (q.article_id === null ? "No article: not to be answered" : <a href={href("articles", q.article_id)}>{q.article_id}</a>) },
    { name: "Language", cell: (q) => q.locale, wide: true },
    { name: "Added", cell: (q) => `${when(q.added_at)} by ${q.added_by}`, wide: true },
    {
      name: "Actions",
      cell: (q) => (
        <Button small onClick={() => setRemoving(q)}>
          Remove<span class="sr"> “{q.text}”</span>
        </Button>
      ),
    },
  ];
  return (
    <>
      <div class="exam-top">
        <p>
          {count(all.length, "question")} with the answer that is right, or none. Nothing is ever trained on them, so that they measure what the bot does with words it has not seen. The more, the surer the figures.
        </p>
        <Button kind="primary" onClick={() => setAdding(true)}>
          Add a question
        </Button>
      </div>
      {all.length === 0 ? (
        <EmptyState title="The exam is empty">
          <p>Without it, a report can only compare what both releases answer, not what is right. Begin with twenty real questions.</p>
        </EmptyState>
      ) : (
        <>
          <Field label="Search the exam" class="exam-search">
            {(ids) => <input {...ids} type="search" value={words} onInput={(event) => setWords(event.currentTarget.value)} />}
          </Field>
          {found.length === 0 ? <p class="field-told">No question has these words.</p> : <Table caption="Questions of the exam" columns={columns} rows={found.slice(0, shown)} id={(q) => q.id} />}
          {found.length > shown && (
            <p class="more">
              <Button onClick={() => setShown(shown + STEP)}>Show {Math.min(STEP, found.length - shown)} more</Button> <span class="tally">{shown} of {found.length}</span>
            </p>
          )}
        </>
      )}
      {adding && (
        <AddQuestion
          session={session}
          close={() => setAdding(false)}
          added={() => {
            setAdding(false);
            session.tell("Added to the exam.");
            exam.again();
          }}
        />
      )}
      {removing !== null && (
        <Confirm title="Remove from the exam?" button="Remove" danger close={() => setRemoving(null)} confirm={() => void remove(removing)}>
          <p dir="auto">“{removing.text}”</p>
          <p>Reports that were made with it stay as they are.</p>
        </Confirm>
      )}
    </>
  );
}

function AddQuestion({ session, close, added }: { session: Studio; close: () => void; added: () => void }): VNode {
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

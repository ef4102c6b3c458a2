/** The exam: questions that nothing is ever trained on, by which every release is judged. */
import type { VNode } from "preact";
import { useRef, useState } from "preact/hooks";
import type { Studio } from "../page";
import type { ExamQuestion } from "../protocol_teach";
import { href } from "../router";
import { Button } from "../ui/button";
import { Confirm } from "../ui/dialog";
import { Field } from "../ui/field";
import { useLoad } from "../ui/load";
import { EmptyState, LoadFailed, Notice, Spinner } from "../ui/parts";
import { type Column, Table } from "../ui/table";
import { count, when } from "../words";
import { AddQuestion } from "./exam_add";

const STEP = 50;

interface Fault {
  line: number;
  message: string;
}

/** What the server says is wrong with a file, row by row. */
function faultsOf(data: unknown): Fault[] {
  const errors = typeof data === "object" && data !== null && "errors" in data && Array.isArray(data.errors) ? (data.errors as unknown[]) : [];
  return errors.filter((fault): fault is Fault => typeof fault === "object" && fault !== null && "line" in fault && "message" in fault && typeof fault.line === "number" && typeof fault.message === "string");
}

export function Exam({ session }: { session: Studio }): VNode {
  const exam = useLoad<{ questions: ExamQuestion[] }>(session.api, "/exam");
  const [adding, setAdding] = useState(false);
  const [removing, setRemoving] = useState<ExamQuestion | null>(null);
  const [importing, setImporting] = useState(false);
  const [faults, setFaults] = useState<{ message: string; errors: Fault[] } | null>(null);
  const file = useRef<HTMLInputElement>(null);
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
  const take = async (chosen: File): Promise<void> => {
    setImporting(true);
    const answer = await session.api.post<{ added: number }>("/exam/import", { csv: await chosen.text() });
    setImporting(false);
    if (answer.ok) {
      setFaults(null);
      session.tell(`${count(answer.data.added, "question")} added to the exam.`);
      exam.again();
    } else setFaults({ message: answer.error.message, errors: faultsOf(answer.error.data) });
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
        <div class="row-actions">
          <Button busy={importing} onClick={() => file.current?.click()}>
            {importing ? "Adding…" : "Add from a CSV file…"}
          </Button>
          <input
            ref={file}
            type="file"
            hidden
            accept=".csv,text/csv"
            aria-label="CSV file with the columns text, article_id and locale"
            onChange={(event) => {
              const chosen = event.currentTarget.files?.[0];
              event.currentTarget.value = "";
              if (chosen !== undefined) void take(chosen);
            }}
          />
          <Button kind="primary" onClick={() => setAdding(true)}>
            Add a question
          </Button>
        </div>
      </div>
      {faults !== null && (
        <Notice tone="bad" title={faults.message}>
          <ul class="faults">
            {faults.errors.slice(0, 20).map((fault, i) => (
              <li key={i}>
                {fault.line > 0 && `Line ${fault.line}: `}
                {fault.message}
              </li>
            ))}
          </ul>
          <p>A file has the columns text, article_id (empty: not to be answered) and locale.</p>
        </Notice>
      )}
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

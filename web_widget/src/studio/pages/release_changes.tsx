/** What got worse, what got better, what differs: each question with both answers. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { WireError } from "../../shared/protocol";
import type { Api } from "../api";
import { number, share } from "../figures";
import { type AskedChange, type ExamChange, leaning, type Report, tallied, type Verdict, verdictWords, worstFirst } from "../judge";
import { href } from "../router";
import { Button } from "../ui/button";
import { Chips } from "../ui/field";
import { Badge, type Tone } from "../ui/parts";
import { type Column, Table } from "../ui/table";
import { count } from "../words";

type Source = "exam" | "asked";
type Lean = "all" | "worse" | "better" | "other";

interface Row {
  key: string;
  text: string;
  expected: string | null | undefined;
  before: Verdict | null;
  after: Verdict;
  verdict: string;
}

const STEP = 30;
/** As many as the server gives at once. */
const MORE = 500;

const VERDICTS: Record<string, { tone: Tone; label: string } | undefined> = {
  better: { tone: "good", label: "Better" },
  worse: { tone: "bad", label: "Worse" },
  other: { tone: "plain", label: "Different" },
  now_answered: { tone: "good", label: "Now answered" },
  no_longer_answered: { tone: "bad", label: "No longer answered" },
  other_answer: { tone: "warn", label: "Another answer" },
};

const KINDS: Record<string, string | undefined> = {
  answer: "Answered",
  clarify: "Asked back",
  unsure: "Not sure",
  escalate: "Called a person",
  chat: "Small talk",
  task: "Task",
};

function rowOf(change: ExamChange | AskedChange): Row {
  return "conversation_id" in change ? { ...change, key: `${change.conversation_id}/${change.turn}`, expected: undefined } : { ...change, key: change.id };
}

interface Props {
  api: Api;
  report: Report;
  titleOf: (id: string | null) => string;
  refused: (error: WireError) => void;
}

export function QuestionByQuestion({ api, report, titleOf, refused }: Props): VNode | null {
  /** What a large report left out, as far as it was asked for. */
  const [more, setMore] = useState<Record<Source, Row[]>>({ exam: [], asked: [] });
  const [fetching, setFetching] = useState(false);
  const [source, setSource] = useState<Source>(report.exam !== null && report.exam.changes.length > 0 ? "exam" : "asked");
  const [lean, setLean] = useState<Lean>("all");
  const [shown, setShown] = useState(STEP);
  if (report.against === null) return null;
  const rows = [...(report[source]?.changes ?? []).map(rowOf), ...more[source]];
  const left = (report[source]?.more_changes ?? 0) - more[source].length;
  const fetchMore = async (): Promise<void> => {
    setFetching(true);
    const answer = await api.get<{ changes: (ExamChange | AskedChange)[] }>(`/releases/${encodeURIComponent(report.candidate)}/report`, { set: source, offset: rows.length, limit: MORE });
    setFetching(false);
    if (answer.ok) setMore({ ...more, [source]: [...more[source], ...answer.data.changes.map(rowOf)] });
    else refused(answer.error);
  };
  const tally = tallied(rows);
  const found = worstFirst(lean === "all" ? rows : rows.filter((row) => leaning(row.verdict) === lean));
  const columns: Column<Row>[] = [
    {
      name: "Question",
      cell: (row) => (
        <>
          <span dir="auto">{row.text}</span>{" "}
          <small>
            {row.expected !== undefined && <>Right: {row.expected === null ? "no answer" : titleOf(row.expected)} · </>}
            <a href={href("try", null, { text: row.text, release: report.candidate })}>
              Try it<span class="sr"> with “{row.text}”</span>
            </a>
          </small>
        </>
      ),
    },
    { name: "Before", cell: (row) => <Did verdict={row.before} /> },
    { name: "After", cell: (row) => <Did verdict={row.after} /> },
    {
      name: "Verdict",
      cell: (row) => {
        const told = VERDICTS[row.verdict];
        return <Badge tone={told?.tone ?? "plain"}>{told?.label ?? row.verdict}</Badge>;
      },
    },
  ];
  const of = { exam: report.exam?.n ?? 0, asked: report.asked?.n ?? 0 };
  return (
    <section aria-labelledby="changes-title">
      <h2 id="changes-title">Question by question</h2>
      <div class="change-bar">
        <Chips
          label="Questions of"
          value={source}
          options={[
            { value: "exam", label: "The exam", n: changesOf(report.exam) },
            { value: "asked", label: "Last week’s customers", n: changesOf(report.asked) },
          ]}
          choose={(value) => {
            setSource(value);
            setLean("all");
            setShown(STEP);
          }}
        />
        <Chips
          label="Show"
          value={lean}
          options={[
            { value: "all", label: "All changes", n: rows.length },
            { value: "worse", label: "Worse", n: tally.worse },
            { value: "better", label: "Better", n: tally.better },
            { value: "other", label: "Other", n: tally.other },
          ]}
          choose={(value) => {
            setLean(value);
            setShown(STEP);
          }}
        />
      </div>
      <p class="section-lead" role="status">
        {rows.length === 0 ? `All ${number(of[source])} questions go as before.` : `${count(found.length, "question")} of ${number(of[source])} shown; the others go as before.`}
      </p>
      {source === "asked" && report.asked !== null && <Kinds before={report.asked.before} after={report.asked.after} />}
      {found.length > 0 && <Table caption="Questions that go differently, worst first" columns={columns} rows={found.slice(0, shown)} id={(row) => row.key} />}
      {found.length > shown && (
        <p class="more">
          <Button onClick={() => setShown(shown + STEP)}>Show {Math.min(STEP, found.length - shown)} more</Button>{" "}
          <span class="tally">
            {shown} of {found.length}
          </span>
        </p>
      )}
      {found.length <= shown && left > 0 && (
        <p class="more">
          <Button busy={fetching} onClick={() => void fetchMore()}>
            Fetch {Math.min(MORE, left)} more
          </Button>{" "}
          <span class="tally">{number(left)} are not shown yet</span>
        </p>
      )}
    </section>
  );
}

function changesOf(part: Report["exam"] | Report["asked"]): number {
  return (part?.changes.length ?? 0) + (part?.more_changes ?? 0);
}

function Did({ verdict }: { verdict: Verdict | null }): VNode {
  return (
    <>
      <span dir="auto">{verdictWords(verdict)}</span> {verdict !== null && <small>{share(verdict.confidence, 0)} sure</small>}
    </>
  );
}

/** How last week's questions fall, before and after. */
function Kinds({ before, after }: { before: Record<string, number> | null; after: Record<string, number> }): VNode {
  const kinds = Object.keys(KINDS).filter((kind) => (before?.[kind] ?? 0) + (after[kind] ?? 0) > 0);
  return (
    <table class="compared">
      <caption>What the bot does with last week’s questions</caption>
      <thead>
        <tr>
          <td />
          {before !== null && <th scope="col">Before</th>}
          <th scope="col">After</th>
        </tr>
      </thead>
      <tbody>
        {kinds.map((kind) => (
          <tr key={kind}>
            <th scope="row">{KINDS[kind]}</th>
            {before !== null && <td>{number(before[kind] ?? 0)}</td>}
            <td>{number(after[kind] ?? 0)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** One group of questions: read them, choose some or all, and say what shall become of them. */
import type { VNode } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Plain } from "../../shared/richtext";
import { Sparkline } from "../charts/sparkline";
import { work } from "../figures";
import { costWords } from "../money";
import type { PageProps } from "../page";
import type { Review as Inbox } from "../protocol";
import type { GroupDetail, ReviewQuestion, Settle, Settled } from "../protocol_teach";
import { didWords, examWords, nextGroup, settledWords } from "../review_words";
import { href } from "../router";
import { moveBetween } from "../rows";
import { keepDone, LastDone } from "../settled";
import { useLoad } from "../ui/load";
import { Badge, EmptyState, LoadFailed, PageHead, Spinner } from "../ui/parts";
import { count, when } from "../words";
import { daysOf, GROUPS } from "./review";
import { Decide } from "./review_decide";

function keyOf(question: ReviewQuestion): string {
  return `${question.conversation_id}/${question.turn}`;
}

export function ReviewGroup({ session, go, route }: PageProps): VNode {
  const id = route.id ?? "";
  const days = daysOf(route.query);
  const dayQuery = { days: days === "30" ? null : days };
  const detail = useLoad<GroupDetail>(session.api, `/review/${encodeURIComponent(id)}`);
  const inbox = useLoad<Inbox>(session.api, "/review", { days, limit: GROUPS });
  /** What is taught, whatever becomes of the group. */
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [busy, setBusy] = useState(false);
  const questions = detail.data?.questions ?? [];
  const keys = useMemo(() => questions.map(keyOf), [detail.data]);
  // All are meant unless some are left out: most groups are right as they are.
  useEffect(() => setChosen(new Set(keys)), [keys]);

  const order = inbox.data?.groups.map((group) => group.id) ?? [];
  const here = order.indexOf(id);
  const next = nextGroup(order, order, id);

  const settle = async (what: Settle): Promise<boolean> => {
    setBusy(true);
    const answer = await session.api.post<Settled>(`/review/${encodeURIComponent(id)}/settle`, what);
    setBusy(false);
    if (!answer.ok && answer.error.code !== "already_settled") {
      session.refused(answer.error);
      return false;
    }
    session.refresh();
    if (answer.ok) {
      const { settled, article, in_exam = [] } = answer.data;
      keepDone({
        text: settledWords(what, settled, article?.title ?? null),
        article: article === null ? null : { id: article.id, title: article.title },
        doubt: examWords(in_exam),
      });
    } else keepDone({ text: answer.error.message, article: null, doubt: null });
    const left = await session.api.get<Inbox>("/review", { days, limit: GROUPS });
    const to = nextGroup(order, left.ok ? left.data.groups.map((group) => group.id) : order, id);
    go(to === null ? href("review", null, dayQuery) : href("review", to, dayQuery), { leave: true });
    return true;
  };

  if (detail.data === null)
    return (
      <>
        <PageHead title="Review" />
        <LastDone />
        {detail.error === null ? (
          <Spinner />
        ) : detail.error.code === "unreachable" ? (
          <LoadFailed error={detail.error} again={detail.again} />
        ) : (
          <EmptyState title="This group is no longer here">
            <p>{detail.error.message}</p>
            <p>
              <a href={href("review", null, dayQuery)}>Back to the inbox</a>
            </p>
          </EmptyState>
        )}
      </>
    );

  const { group } = detail.data;
  const cost = costWords(group.cost, session.summary?.settings);
  return (
    <>
      <nav class="crumbs" aria-label="Groups">
        <a href={href("review", null, dayQuery)}>Review</a>
        {here >= 0 && (
          <span>
            Group {here + 1} of {order.length}
          </span>
        )}
        {next !== null && <a href={href("review", next, dayQuery)}>Next group</a>}
      </nav>
      <PageHead
        title={group.name}
        lead={
          <>
            {count(group.size, "question")}, the latest: {when(group.last_at)}. {work(group.minutes)} of agents’ time{cost === null ? "" : ` (${cost})`}.
          </>
        }
      >
        <div class="group-trend">
          <Sparkline counts={group.trend} />
          <span>Last {group.trend.length} days</span>
        </div>
      </PageHead>
      <LastDone />
      <div class="group-page">
        <Questions questions={questions} size={group.size} chosen={chosen} setChosen={setChosen} />
        <Decide
          key={id}
          api={session.api}
          group={group}
          questions={questions.filter((question) => chosen.has(keyOf(question)))}
          all={chosen.size === questions.length}
          busy={busy}
          settle={settle}
        />
      </div>
    </>
  );
}

function Questions({ questions, size, chosen, setChosen }: {
  questions: readonly ReviewQuestion[];
  size: number;
  chosen: ReadonlySet<string>;
  setChosen: (chosen: ReadonlySet<string>) => void;
}): VNode {
  const list = useRef<HTMLUListElement>(null);
  const every = useRef<HTMLInputElement>(null);
  const all = chosen.size === questions.length;
  useEffect(() => {
    if (every.current !== null) every.current.indeterminate = chosen.size > 0 && !all;
  });
  const toggle = (key: string): void => {
    const next = new Set(chosen);
    if (!next.delete(key)) next.add(key);
    setChosen(next);
  };
  return (
    <section class="questions" aria-labelledby="questions-title">
      <h2 id="questions-title">Questions</h2>
      <label class="every">
        <input ref={every} type="checkbox" checked={all} onChange={() => setChosen(all ? new Set() : new Set(questions.map(keyOf)))} />
        Select all
        <span class="tally">
          {chosen.size} of {questions.length} to be taught
        </span>
      </label>
      <ul
        ref={list}
        aria-label="Questions of this group"
        onKeyDown={(event) => {
          if (list.current !== null) moveBetween(event, list.current, "input[type=checkbox]");
        }}
      >
        {questions.map((question) => (
          <Asked key={keyOf(question)} question={question} chosen={chosen.has(keyOf(question))} toggle={() => toggle(keyOf(question))} />
        ))}
      </ul>
      {size > questions.length && (
        <p class="field-told">
          The {questions.length} latest are shown. The other {size - questions.length} leave the inbox with them.
        </p>
      )}
    </section>
  );
}

function Asked({ question, chosen, toggle }: { question: ReviewQuestion; chosen: boolean; toggle: () => void }): VNode {
  return (
    <li class={chosen ? "asked chosen" : "asked"}>
      <label>
        <input type="checkbox" checked={chosen} onChange={toggle} />
        <span dir="auto">{question.text}</span>
      </label>
      <p class="asked-did">
        {didWords(question)} {question.helpful === false && <Badge tone="warn">Thumbs down</Badge>}
      </p>
      {question.agent_answer !== null && (
        <blockquote class="asked-agent">
          <p class="asked-who">Agent’s answer</p>
          <p dir="auto">
            <Plain text={question.agent_answer} />
          </p>
        </blockquote>
      )}
      <p class="asked-when">
        {when(question.at)} · <a href={href("try", null, { replay: question.conversation_id })}>Replay the conversation</a>
      </p>
    </li>
  );
}

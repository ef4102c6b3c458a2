/** The review inbox: what customers asked and the bot could not answer, grouped by meaning, what costs most first. */
import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Sparkline } from "../charts/sparkline";
import { share, work } from "../figures";
import { useJob } from "../jobs";
import { costWords } from "../money";
import type { PageProps } from "../page";
import type { Group, Job, Review as Inbox, StudioSettings } from "../protocol";
import type { JobAnswer } from "../protocol_teach";
import { reasonsOf } from "../review_words";
import { href } from "../router";
import { moveBetween } from "../rows";
import { LastDone } from "../settled";
import { jobRuns } from "../status";
import { Button } from "../ui/button";
import { Chips } from "../ui/field";
import { useLoad } from "../ui/load";
import { EmptyState, LoadFailed, PageHead, Progress, Spinner } from "../ui/parts";
import { count, when } from "../words";

/** As many as the server gives. */
export const GROUPS = 200;

const DAYS = ["7", "30", "90"] as const;
type Days = (typeof DAYS)[number];

export function daysOf(query: URLSearchParams): Days {
  const asked = query.get("days");
  return DAYS.find((days) => days === asked) ?? "30";
}

export function Review({ session, go, route }: PageProps): VNode {
  const days = daysOf(route.query);
  const inbox = useLoad<Inbox>(session.api, "/review", { days, limit: GROUPS });
  const [watched, setWatched] = useState<string | null>(null);
  const job = useJob(session.api, watched, (done) => {
    setWatched(null);
    told(done);
  });
  const told = (done: Job): void => {
    session.refresh();
    inbox.again();
    if (done.state === "done") session.tell("Grouped anew.");
    if (done.state === "failed") session.tell(done.error?.message ?? "The grouping failed.", true);
  };
  // Somebody else, or an earlier visit, may have begun one.
  const running = session.summary?.job ?? null;
  useEffect(() => {
    if (watched === null && jobRuns(running) && running.kind === "group") setWatched(running.id);
  }, [running?.id, running?.state]);

  const regroup = async (): Promise<void> => {
    const answer = await session.api.post<JobAnswer>("/review/regroup");
    if (!answer.ok) {
      session.refused(answer.error);
      return;
    }
    setWatched(answer.data.job.id);
    session.refresh();
  };
  const data = inbox.data;
  const grouping = watched !== null;
  return (
    <>
      <PageHead title="Review" lead="What customers asked and the bot could not answer well, grouped by meaning. What takes most of your team’s time comes first.">
        <Button busy={grouping} onClick={() => void regroup()}>
          {grouping ? "Grouping…" : "Group again"}
        </Button>
      </PageHead>
      <LastDone />
      <div class="review-bar">
        <div class="review-days">
          <span aria-hidden="true">Asked in the last</span>
        <Chips
          label="Asked in the last"
          value={days}
          options={DAYS.map((value) => ({ value, label: `${value} days` }))}
          choose={(value) => go(href("review", null, { days: value === "30" ? null : value }), { replace: true })}
        />
        </div>
        <div class="review-job" role="status">
          {grouping && (
            <>
              <span>{job === null || job.state === "queued" ? "Grouping is about to start" : "Putting like questions together"}</span>
              <Progress label="Grouping questions" done={job?.done ?? 0} total={job?.total ?? 0} />
            </>
          )}
        </div>
      </div>
      {inbox.error !== null && <LoadFailed error={inbox.error} again={inbox.again} />}
      {data === null ? (
        inbox.loading && <Spinner />
      ) : data.groups.length === 0 ? (
        <Nothing data={data} days={days} grouping={grouping} regroup={() => void regroup()} />
      ) : (
        <>
          <p class="review-sum">
            <strong>{count(data.questions, "question")}</strong> in {count(data.total ?? data.groups.length, "group")}, {work(data.minutes)} of agents’ time
            {costOf(data, session.summary?.settings)}.{" "}
            {data.ungrouped > 0 && <>{count(data.ungrouped, "newer question")} {data.ungrouped === 1 ? "is" : "are"} not grouped yet. </>}
            {(data.settled_alike ?? 0) > 0 && <>{count(data.settled_alike ?? 0, "question")} like those out of scope left by themselves. </>}
            {data.grouped_at !== null && <>Last grouped: {when(data.grouped_at)}.</>}
          </p>
          {(data.total ?? 0) > data.groups.length && <p class="review-sum">The {data.groups.length} dearest are shown.</p>}
          <Groups groups={data.groups} settings={session.summary?.settings} days={days} />
        </>
      )}
    </>
  );
}

function costOf(data: Inbox, settings: StudioSettings | undefined): string {
  const cost = costWords(
    data.groups.reduce((sum, group) => sum + group.cost, 0),
    settings,
  );
  return cost === null ? "" : ` (${cost})`;
}

function Nothing({ data, days, grouping, regroup }: { data: Inbox; days: Days; grouping: boolean; regroup: () => void }): VNode {
  if (data.ungrouped > 0)
    return (
      <EmptyState title={`${count(data.ungrouped, "question")} to group`}>
        <p>They have come in since the last grouping. Grouped by meaning, they are dealt with many at a time.</p>
        <p>
          <Button kind="primary" busy={grouping} onClick={regroup}>
            {grouping ? "Grouping…" : "Group them"}
          </Button>
        </p>
      </EmptyState>
    );
  return (
    <EmptyState title="Well done, nothing is left to review">
      <p>Every question of the last {days} days was answered, or has been dealt with. New ones come here by themselves.</p>
    </EmptyState>
  );
}

function Groups({ groups, settings, days }: { groups: readonly Group[]; settings: StudioSettings | undefined; days: Days }): VNode {
  const list = useRef<HTMLOListElement>(null);
  return (
    <ol
      ref={list}
      class="groups"
      aria-label="Groups of questions"
      onKeyDown={(event) => {
        if (list.current !== null) moveBetween(event, list.current, "a.group-link");
      }}
    >
      {groups.map((group) => (
        <Row key={group.id} group={group} cost={costWords(group.cost, settings)} days={days} />
      ))}
    </ol>
  );
}

function Row({ group, cost, days }: { group: Group; cost: string | null; days: Days }): VNode {
  return (
    <li class="group">
      <div class="group-main">
        <h2>
          <a class="group-link" href={href("review", group.id, { days: days === "30" ? null : days })} dir="auto">
            {group.name}
          </a>
        </h2>
        <ul class="group-examples" aria-label="Examples">
          {group.examples.slice(0, 2).map((text) => (
            <li key={text} dir="auto">
              “{text}”
            </li>
          ))}
        </ul>
        <ul class="reasons" aria-label="Why they are here">
          {reasonsOf(group).map(({ name, label, n }) => (
            <li key={name} class={`reason ${name}`}>
              <strong>{n}</strong> {label}
            </li>
          ))}
        </ul>
        <p class="group-suggested">
          {group.suggested === null ? (
            "No article comes close: it may need a new one."
          ) : (
            <>
              Closest article: <strong dir="auto">{group.suggested.title}</strong>{group.suggested.score !== null && ` (${share(group.suggested.score, 0)} alike)`}
            </>
          )}
        </p>
      </div>
      <div class="group-side">
        <p class="group-size">
          <strong>{group.size}</strong> {group.size === 1 ? "question" : "questions"}
        </p>
        <Sparkline counts={group.trend} />
        <p class="group-cost">
          {work(group.minutes)}
          {cost !== null && ` · ${cost}`}
        </p>
      </div>
    </li>
  );
}

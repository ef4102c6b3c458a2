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

/** As many as the server gives: among them lies the next one to look at. */
export const GROUPS = 200;
const PAGE = 100;

const DAYS = ["7", "30", "90"] as const;
type Days = (typeof DAYS)[number];

interface Further {
  behind: Inbox | null;
  groups: readonly Group[];
  /** Nothing comes after them. */
  ended?: boolean;
}

export function daysOf(query: URLSearchParams): Days {
  const asked = query.get("days");
  return DAYS.find((days) => days === asked) ?? "30";
}

export function Review({ session, go, route }: PageProps): VNode {
  const days = daysOf(route.query);
  const inbox = useLoad<Inbox>(session.api, "/review", { days, limit: PAGE });
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
  /** What was asked for beyond the first page; it goes with what it follows. */
  const [further, setFurther] = useState<Further>({ behind: null, groups: [] });
  const [fetching, setFetching] = useState(false);
  const groups = data === null ? [] : [...data.groups, ...(further.behind === data ? further.groups : [])];
  const showMore = async (): Promise<void> => {
    setFetching(true);
    const answer = await session.api.get<Inbox>("/review", { days, offset: groups.length, limit: PAGE });
    setFetching(false);
    if (!answer.ok) {
      session.refused(answer.error);
      return;
    }
    // Somebody may have dealt with groups before these meanwhile.
    const shown = new Set(groups.map((group) => group.id));
    const fresh = answer.data.groups.filter((group) => !shown.has(group.id));
    setFurther({ behind: data, groups: [...groups.slice(data?.groups.length ?? 0), ...fresh], ended: answer.data.groups.length < PAGE });
  };
  const left = data === null || (further.behind === data && further.ended === true) ? 0 : (data.total ?? 0) - groups.length;
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
          {left > 0 && <p class="review-sum">The {groups.length} dearest are shown.</p>}
          <Groups groups={groups} settings={session.summary?.settings} days={days} />
          {left > 0 && (
            <p class="pager">
              <Button busy={fetching} onClick={() => void showMore()}>
                {fetching ? "Loading…" : `Show ${Math.min(left, PAGE)} more`}
              </Button>
              <span>
                {groups.length} of {data.total ?? groups.length}
              </span>
            </p>
          )}
        </>
      )}
    </>
  );
}

/** Of all groups, whether they are shown or not. */
function costOf(data: Inbox, settings: StudioSettings | undefined): string {
  const minute = settings?.minute_cost;
  const cost = costWords(typeof minute === "number" ? data.minutes * minute : 0, settings);
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
  const before = useRef(groups);
  useEffect(() => {
    const { length } = before.current;
    const goesOn = groups.length > length && before.current[0] === groups[0];
    before.current = groups;
    // One reads on where the list went on.
    if (goesOn) list.current?.querySelectorAll<HTMLElement>("a.group-link")[length]?.focus();
  }, [groups.length]);
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

/** What needs doing next, to be seen in five seconds. */
import type { ComponentChildren, VNode } from "preact";
import type { PageProps } from "../page";
import type { Group, Incidents, Review } from "../protocol";
import { href, NEW_ARTICLE } from "../router";
import { jobRuns, jobWords } from "../status";
import { useLoad } from "../ui/load";
import { LoadFailed, PageHead, Progress, Spinner } from "../ui/parts";
import { count, duration, percent, when } from "../words";

const WORST = 3;

function Card({ title, tone, children }: { title: string; tone?: "do" | "good"; children: ComponentChildren }): VNode {
  return (
    <section class={`card ${tone ?? ""}`}>
      <h2>{title}</h2>
      {children}
    </section>
  );
}

function Gap({ group, rank }: { group: Group; rank: number }): VNode {
  return (
    <li class="gap">
      <span class="gap-rank" aria-hidden="true">
        {rank}
      </span>
      <div class="gap-words">
        <a class="gap-name" href={href("review", group.id)} dir="auto">
          {group.name}
        </a>
        {group.examples[0] !== undefined && group.examples[0] !== group.name && (
          <p class="gap-example" dir="auto">
            “{group.examples[0]}”
          </p>
        )}
        <p class="gap-told">
          Asked {group.size === 1 ? "once" : `${group.size} times`}, cost {duration(group.minutes * 60)} of agents’ time
        </p>
      </div>
      <a class="button" href={href("review", group.id)}>
        Fix it<span class="sr">: {group.name}</span>
      </a>
    </li>
  );
}

export function Overview({ session }: PageProps): VNode {
  const review = useLoad<Review>(session.api, "/review", { days: 30 });
  const { summary } = session;
  const down = useLoad<Incidents>(session.api, "/incidents").data?.incidents.length ?? 0;
  const groups = review.data?.groups.slice(0, WORST) ?? [];
  const waiting = summary?.review.questions ?? review.data?.questions ?? 0;
  return (
    <>
      <PageHead title="Overview" lead={summary === null ? undefined : `${count(summary.articles, "article")} with ${count(summary.variants, "variant")}.`}>
        <a class="button" href={href("try")}>
          Try the assistant
        </a>
        <a class="button primary" href={href("articles", NEW_ARTICLE)}>
          New article
        </a>
      </PageHead>
      {review.error !== null && <LoadFailed error={review.error} again={review.again} />}
      {summary === null && review.data === null && review.error === null && <Spinner />}
      <div class="overview">
        <section class="card wide-card">
          <div class="part-head">
            <h2>What customers asked in vain</h2>
            {groups.length > 0 && summary !== null && (
              <p class="part-count">
                {count(waiting, "question")} in {count(summary.review.groups, "group")}, the last 30 days
              </p>
            )}
          </div>
          {review.data !== null && groups.length === 0 && (
            <p class="part-lead">
              {review.data.ungrouped > 0
                ? `${count(review.data.ungrouped, "question")} ${review.data.ungrouped === 1 ? "waits" : "wait"} to be grouped.`
                : "Nothing waits. Questions that the assistant could not answer show up here, those that cost most first."}
            </p>
          )}
          <ol class="gaps">
            {groups.map((group, i) => (
              <Gap key={group.id} group={group} rank={i + 1} />
            ))}
          </ol>
          {(groups.length > 0 || (review.data?.ungrouped ?? 0) > 0) && (
            <p>
              <a class="plain" href={href("review")}>
                All questions to review
              </a>
            </p>
          )}
        </section>
        {summary !== null && (
          <div class="overview-side">
            {summary.articles === 0 && (
              <Card title="Start here" tone="do">
                <p>The assistant answers from articles, and there is none yet. Write the first one, or bring what you have.</p>
                <p class="card-buttons">
                  <a class="button primary" href={href("articles", NEW_ARTICLE)}>
                    Write an article
                  </a>
                  <a class="button" href={href("import")}>
                    Import a file
                  </a>
                </p>
              </Card>
            )}
            {down > 0 && (
              <Card title={`${count(down, "incident notice is", "incident notices are")} open`} tone="do">
                <p>Customers who ask about it are told first that it is down.</p>
                <p>
                  <a class="button" href={href("incidents")}>
                    {down === 1 ? "Look whether it works again" : "Look whether they work again"}
                  </a>
                </p>
              </Card>
            )}
            {(summary.waiting ?? 0) > 0 && (
              <Card title={`${count(summary.waiting ?? 0, "publication waits", "publications wait")} for a yes`} tone="do">
                <p>A second pair of eyes is asked for before customers get it.</p>
                <p>
                  <a class="button" href={href("changes")}>
                    Look at it
                  </a>
                </p>
              </Card>
            )}
            {jobRuns(summary.job) && (
              <Card title="Under way">
                <p>{jobWords(summary.job)}.</p>
                <Progress label={jobWords(summary.job)} done={summary.job.done} total={summary.job.total} />
                <p>
                  <a class="plain" href={href(summary.job.kind === "group" ? "review" : "training")}>
                    Look at it
                  </a>
                </p>
              </Card>
            )}
            {summary.ready !== null && (
              <Card title="A new release is ready" tone="do">
                <p>Trained {when(summary.ready.at)}. Customers do not have it yet: read how it compares with what they have, then publish it or try it on some.</p>
                <p>
                  <a class="button primary" href={href("releases", summary.ready.release_id)}>
                    Read how it compares
                  </a>
                </p>
              </Card>
            )}
            {summary.canary !== null && (
              <Card title="A canary runs" tone="do">
                <p>
                  {percent(summary.canary.share)} of new conversations get release {summary.canary.release_id} since {when(summary.canary.since)}.
                </p>
                <p>
                  <a class="button" href={href("training")}>
                    Compare, then promote or stop
                  </a>
                </p>
              </Card>
            )}
            {summary.changed > 0 ? (
              <Card title={`${count(summary.changed, "change")} not live`} tone="do">
                <p>Customers do not get {summary.changed === 1 ? "it" : "them"} yet. Publishing takes seconds.</p>
                {summary.drafts > 0 && <p class="part-lead">{count(summary.drafts, "article is a draft", "articles are drafts")}.</p>}
                <p>
                  <a class="button primary" href={href("changes")}>
                    Look through and publish
                  </a>
                </p>
              </Card>
            ) : (
              summary.live !== null && (
                <Card title="Everything is live" tone="good">
                  <p>Customers get what the articles say.</p>
                </Card>
              )
            )}
            <Card title="What customers get">
              {summary.live === null ? (
                <>
                  <p>Nothing yet: the assistant has not been trained.</p>
                  <p>
                    <a class="button primary" href={href("training")}>
                      Train it
                    </a>
                  </p>
                </>
              ) : (
                <dl class="pairs">
                  <div>
                    <dt>Release</dt>
                    <dd>{summary.live.release_id}</dd>
                  </div>
                  <div>
                    <dt>Live since</dt>
                    <dd>
                      {when(summary.live.since)}, by <span dir="auto">{summary.live.by}</span>
                    </dd>
                  </div>
                  <div>
                    <dt>Published since its training</dt>
                    <dd>{summary.live.revision === 0 ? "never" : count(summary.live.revision, "time")}</dd>
                  </div>
                </dl>
              )}
            </Card>
          </div>
        )}
      </div>
    </>
  );
}

/** One line that always tells what customers get and what is under way. */
import type { VNode } from "preact";
import type { Job, Summary } from "./protocol";
import { href } from "./router";
import { Progress } from "./ui/parts";
import { count, duration, percent, when } from "./words";

export function jobRuns(job: Job | null | undefined): job is Job {
  return job != null && (job.state === "running" || job.state === "queued");
}

const KINDS: Record<Job["kind"], string> = { train: "Training", group: "Grouping questions", simulate: "Simulating" };

export function jobWords(job: Job): string {
  if (job.state === "queued") return `${KINDS[job.kind]} is about to start`;
  const share = job.total > 0 ? ` ${percent(Math.min(1, job.done / job.total))}` : "";
  const left = job.seconds_left === null ? "" : `, ${duration(job.seconds_left)} left`;
  return `${KINDS[job.kind]}${share}${left}`;
}

export function StatusBar({ summary, reached }: { summary: Summary | null; reached: boolean }): VNode {
  return (
    <header class="top">
      <div class="lost-bar" role="status">
        {!reached && <p>The server cannot be reached. What you write is kept; saving works again once it is back.</p>}
      </div>
      {summary !== null && (
        <ul class="status" aria-label="What is live">
          <li>
            <a href={href("training")} class={summary.live === null ? "state none" : "state live"}>
              {summary.live === null ? (
                "Nothing is live yet"
              ) : (
                <>
                  Live <span class="wide-only">release {summary.live.release_id} </span>since {when(summary.live.since)}
                </>
              )}
            </a>
          </li>
          {summary.changed > 0 && (
            <li>
              <a href={href("changes")} class="state waiting">
                {count(summary.changed, "change")} not live
              </a>
            </li>
          )}
          {summary.canary !== null && (
            <li>
              <a href={href("training")} class="state canary">
                Canary: {percent(summary.canary.share)} of new conversations
              </a>
            </li>
          )}
          {jobRuns(summary.job) && (
            <li>
              <a href={href(summary.job.kind === "group" ? "review" : "training")} class="state job">
                {jobWords(summary.job)}
                <Progress label={KINDS[summary.job.kind]} done={summary.job.done} total={summary.job.total} />
              </a>
            </li>
          )}
        </ul>
      )}
    </header>
  );
}

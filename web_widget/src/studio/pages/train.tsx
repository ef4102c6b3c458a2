/** The one button that trains, what it takes in, and how far it is. */
import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { leftWords, stageWords, useJob } from "../jobs";
import type { Studio } from "../page";
import type { Change, Changes, Job } from "../protocol";
import type { JobAnswer } from "../protocol_teach";
import { href } from "../router";
import { jobRuns } from "../status";
import { Button } from "../ui/button";
import { Confirm } from "../ui/dialog";
import { Field } from "../ui/field";
import { useLoad } from "../ui/load";
import { Notice, Progress } from "../ui/parts";
import { count } from "../words";

export function Train({ session, done }: { session: Studio; done: () => void }): VNode {
  const { api, summary } = session;
  const changes = useLoad<Changes>(api, "/changes");
  const [watched, setWatched] = useState<string | null>(null);
  const [ended, setEnded] = useState<Job | null>(null);
  const [starting, setStarting] = useState(false);
  const [stopping, setStopping] = useState(false);
  const [note, setNote] = useState("");
  const [fineTune, setFineTune] = useState(true);
  const job = useJob(api, watched, (last) => {
    setWatched(null);
    setStopping(false);
    setEnded(last);
    changes.again();
    done();
  });
  const running = summary?.job ?? null;
  useEffect(() => {
    if (watched === null && jobRuns(running) && running.kind === "train") setWatched(running.id);
  }, [running?.id, running?.state]);

  const train = async (): Promise<void> => {
    setStarting(true);
    const answer = await api.post<JobAnswer>("/trainings", { ...(note.trim() === "" ? {} : { note: note.trim() }), fine_tune: fineTune });
    setStarting(false);
    if (!answer.ok) {
      session.refused(answer.error);
      return;
    }
    setNote("");
    setEnded(null);
    setWatched(answer.data.job.id);
    session.refresh();
  };
  const cancel = async (): Promise<void> => {
    if (watched === null) return;
    const answer = await api.post<JobAnswer>(`/jobs/${encodeURIComponent(watched)}/cancel`);
    setStopping(false);
    if (!answer.ok) session.refused(answer.error);
  };

  return (
    <section class="job-card train" aria-labelledby="train-title">
      <div role="status">{ended !== null && <Ended job={ended} />}</div>
      {watched === null ? (
        <>
          <div class="job-top">
            <div>
              <h2 id="train-title">{summary?.live === null ? "Train the first release" : "Train a new release"}</h2>
              <p>{takesIn(changes.data?.changes ?? null, summary?.drafts ?? 0, summary?.articles ?? null)}</p>
            </div>
            <Button kind="primary" busy={starting} onClick={() => void train()}>
              Train
            </Button>
          </div>
          <details class="train-more">
            <summary>Note and options</summary>
            <Field label="Note" hint="What is new in it, for colleagues. Optional.">
              {(ids) => <input {...ids} dir="auto" maxLength={200} value={note} onInput={(event) => setNote(event.currentTarget.value)} />}
            </Field>
            <label class="option">
              <input type="checkbox" checked={fineTune} onChange={(event) => setFineTune(event.currentTarget.checked)} />
              <span>
                Learn your customers’ way of saying things, too
                <small>Takes longer. It is kept only if the bot answers more by it.</small>
              </span>
            </label>
          </details>
        </>
      ) : (
        <>
          <div class="job-top">
            <div>
              <h2 id="train-title">Training</h2>
              <p role="status">{job === null ? "Starting" : stageWords(job)}</p>
            </div>
            <Button busy={job?.cancelling === true} onClick={() => setStopping(true)}>
              {job?.cancelling === true ? "Cancelling…" : "Cancel training"}
            </Button>
          </div>
          <Progress label="Training" done={job?.done ?? 0} total={job?.total ?? 0} />
          <p class="train-left">
            {job !== null && leftWords(job) !== "" && <strong>{leftWords(job)}. </strong>}
            {job !== null && job.message !== "" && <span dir="auto">{job.message} </span>}It goes on if you leave this page; customers notice nothing.
          </p>
        </>
      )}
      {stopping && (
        <Confirm title="Cancel the training?" button="Cancel the training" danger confirm={() => void cancel()} close={() => setStopping(false)}>
          <p>What it has done so far is thrown away. Your articles and what is live stay as they are.</p>
        </Confirm>
      )}
    </section>
  );
}

function Ended({ job }: { job: Job }): VNode {
  switch (job.state) {
    case "done":
      return (
        <Notice tone="good" title="The training is done">
          <p>
            {job.release_id === null ? (
              "The new release is in the list."
            ) : (
              <>
                Read <a href={href("releases", job.release_id)}>how the new release compares</a> before you publish it.
              </>
            )}
          </p>
        </Notice>
      );
    case "cancelled":
      return (
        <Notice title="The training was cancelled">
          <p>Nothing that is live has changed.</p>
        </Notice>
      );
    default:
      return (
        <Notice tone="bad" title="The training failed">
          <p>{job.error?.message ?? "Nobody knows why."} Nothing that is live has changed.</p>
        </Notice>
      );
  }
}

/** What a training would take in that is not live. */
export function takesIn(changes: readonly Change[] | null, drafts: number, articles: number | null): string {
  const stays = drafts === 0 ? "" : ` ${count(drafts, "draft")} ${drafts === 1 ? "stays" : "stay"} out.`;
  const all = articles === null ? "all articles that are ready" : `all ${count(articles - drafts, "article")} that are ready`;
  if (changes === null) return `Takes in ${all}.${stays}`;
  if (changes.length === 0) return `Nothing has changed since what is live; a training would take in ${all} once more.${stays}`;
  const kinds = [
    ["new", "new"],
    ["changed", "changed"],
    ["removed", "removed"],
  ] as const;
  const parts = kinds.flatMap(([kind, word]) => {
    const n = changes.filter((change) => change.change === kind).length;
    return n === 0 ? [] : [`${n} ${word}`];
  });
  return `Takes in ${count(changes.length, "article")} that customers do not have yet: ${parts.join(", ")}.${stays}`;
}

/** Work that runs in the background, watched until it ends. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { Api } from "./api";
import { roughly } from "./figures";
import type { Job } from "./protocol";
import type { JobAnswer } from "./protocol_teach";

const EVERY_MS = 1_000;

export function ended(job: Job): boolean {
  return job.state === "done" || job.state === "failed" || job.state === "cancelled";
}

/** The job as it stands, asked each second until it ends; then `whenEnded` is told, once. null: none is watched. */
export function useJob(api: Api, id: string | null, whenEnded: (job: Job) => void): Job | null {
  const [job, setJob] = useState<Job | null>(null);
  const tell = useRef(whenEnded);
  tell.current = whenEnded;
  useEffect(() => {
    setJob(null);
    if (id === null) return;
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async (): Promise<void> => {
      const answer = await api.get<JobAnswer>(`/jobs/${encodeURIComponent(id)}`, {}, stop.signal);
      if (stop.signal.aborted) return;
      if (answer.ok) {
        setJob(answer.data.job);
        if (ended(answer.data.job)) {
          tell.current(answer.data.job);
          return;
        }
      } else if (answer.status === 404) return;
      timer = setTimeout(() => void ask(), EVERY_MS);
    };
    void ask();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [api, id]);
  return id === null ? null : job;
}

const STAGES: Record<string, string | undefined> = {
  waiting: "Waiting for another training to end",
  starting: "Starting",
  snapshot: "Taking a copy of the articles",
  encoder: "Loading what reads texts",
  states: "Learning how your customers say things",
  compare: "Looking whether that helps",
  embed: "Reading every question",
  encode: "Reading every question",
  calibrate: "Learning when to be sure",
  frustration: "Learning what frustration looks like",
  model: "Training small talk and tasks",
  commit: "Writing the release",
  judge: "Comparing it with what is live",
  judge_load: "Comparing it with what is live",
  judge_exam: "Taking the exam",
  judge_asked: "Asking it last week’s questions",
  judge_golden: "Playing the test conversations",
  group: "Putting like questions together",
  suggest: "Looking for the closest articles",
};

/** A stage that has no words of ours is told by its name. */
export function stageWords(job: Job): string {
  if (job.state === "queued") return "Waiting for its turn";
  if (job.cancelling === true) return "Ending";
  // `fine-tune 1 of 4`
  const known = job.stage.startsWith("fine-tune") ? STAGES.states : STAGES[job.stage];
  if (known !== undefined) return known;
  const name = job.stage.replace(/[_.-]+/g, " ").trim();
  return name === "" ? "Starting" : capital(name);
}

function capital(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export function leftWords(job: Job): string {
  return job.seconds_left === null ? "" : `${capital(roughly(job.seconds_left))} left`;
}

/** What was trained before, by whom, and how it ended. */
import type { VNode } from "preact";
import { lasted } from "../figures";
import { stageWords } from "../jobs";
import type { Studio } from "../page";
import type { Job } from "../protocol";
import { href } from "../router";
import { useLoad } from "../ui/load";
import { Badge, EmptyState, LoadFailed, Spinner, type Tone } from "../ui/parts";
import { type Column, Table } from "../ui/table";
import { when } from "../words";

const STATES: Record<Job["state"], { tone: Tone; label: string }> = {
  queued: { tone: "plain", label: "Waiting" },
  running: { tone: "plain", label: "Running" },
  done: { tone: "good", label: "Done" },
  failed: { tone: "bad", label: "Failed" },
  cancelled: { tone: "warn", label: "Cancelled" },
};

function took(job: Job): string {
  if (job.started_at === null || job.ended_at === null) return "–";
  return lasted((Date.parse(job.ended_at) - Date.parse(job.started_at)) / 1000);
}

const COLUMNS: readonly Column<Job>[] = [
  { name: "Started", cell: (job) => when(job.started_at ?? job.asked_at) },
  { name: "Note", cell: (job) => <span dir="auto">{job.note ?? "–"}</span>, wide: true },
  { name: "By", cell: (job) => <span dir="auto">{job.asked_by}</span> },
  { name: "State", cell: (job) => <Badge tone={STATES[job.state].tone}>{STATES[job.state].label}</Badge> },
  {
    name: "What came of it",
    cell: (job) =>
      job.state === "done" && job.release_id !== null ? (
        <a href={href("releases", job.release_id)}>Report</a>
      ) : job.error !== null ? (
        <span dir="auto">{job.error.message}</span>
      ) : job.state === "running" ? (
        stageWords(job)
      ) : (
        "–"
      ),
  },
  { name: "Took", cell: took, numeric: true },
];

export function TrainingHistory({ session }: { session: Studio }): VNode {
  const jobs = useLoad<{ jobs: Job[] }>(session.api, "/jobs");
  if (jobs.data === null) return jobs.error === null ? <Spinner /> : <LoadFailed error={jobs.error} again={jobs.again} />;
  const trainings = jobs.data.jobs.filter((job) => job.kind === "train");
  if (trainings.length === 0)
    return (
      <EmptyState title="Nothing was trained yet">
        <p>Press Train above: it takes some minutes and changes nothing for customers.</p>
      </EmptyState>
    );
  return <Table caption="Trainings, the latest first" columns={COLUMNS} rows={trainings} id={(job) => job.id} />;
}

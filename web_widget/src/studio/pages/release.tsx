/** What a release would change: first in words, then in figures, then question by question. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { CoverageRisk, Reliability } from "../charts/curves";
import { ConfusionMatrix } from "../charts/matrix";
import { lasted, stamp } from "../figures";
import { figureRows, headline, latencyWords, type Report, titlesOf } from "../judge";
import type { PageProps, Studio } from "../page";
import type { Release } from "../protocol_teach";
import { href } from "../router";
import { Button } from "../ui/button";
import { useLoad } from "../ui/load";
import { Badge, EmptyState, LoadFailed, Notice, PageHead, Spinner } from "../ui/parts";
import { count } from "../words";
import { CanaryDialog, PublishDialog } from "./release_dialogs";
import { QuestionByQuestion } from "./release_changes";

export function ReleaseReport({ session, route }: PageProps): VNode {
  const id = route.id ?? "";
  const answer = useLoad<{ report: Report }>(session.api, `/releases/${encodeURIComponent(id)}/report`);
  const releases = useLoad<{ releases: Release[] }>(session.api, "/releases");
  const release = releases.data?.releases.find((row) => row.id === id) ?? null;
  const live = releases.data?.releases.find((row) => row.live) ?? null;
  // What it was trained for; the settings may say otherwise by now.
  const risk = release?.figures?.knowledge?.risk ?? session.summary?.settings.risk;
  const report = answer.data?.report ?? null;
  return (
    <>
      <nav class="crumbs" aria-label="Where this is">
        <a href={href("training")}>Training</a>
      </nav>
      <PageHead
        title={release === null ? "Release" : `Release of ${stamp(release.created_at)}`}
        lead={
          <>
            <span class="mono">{id}</span>
            {release?.note != null && <span dir="auto"> {release.note}</span>}
          </>
        }
      >
        {release?.live === true && <Badge tone="good">Live</Badge>}
        {release?.canary === true && <Badge tone="warn">Canary</Badge>}
        {release?.previous === true && <Badge>Live before</Badge>}
      </PageHead>
      {report !== null ? (
        <>
          <Shown session={session} report={report} risk={typeof risk === "number" ? risk : null} />
          {release !== null && !release.live && (
            <Onwards
              session={session}
              release={release}
              live={live}
              changed={() => {
                releases.again();
                session.refresh();
              }}
            />
          )}
        </>
      ) : answer.error === null ? (
        <Spinner label="Fetching the report…" />
      ) : answer.error.code === "unreachable" ? (
        <LoadFailed error={answer.error} again={answer.again} />
      ) : (
        <EmptyState title="There is no report on this release">
          <p>{answer.error.message}</p>
          <p>
            <a href={href("training")}>Back to the releases</a>
          </p>
        </EmptyState>
      )}
    </>
  );
}

function Shown({ session, report, risk }: { session: Studio; report: Report; risk: number | null }): VNode {
  const told = headline(report);
  const titles = titlesOf(report);
  const { exam, golden, latency_ms: latency } = report;
  const after = exam?.after ?? null;
  const stands = after?.coverage == null || after.wrong_answer_rate === null ? null : { coverage: after.coverage, wrong: after.wrong_answer_rate };
  return (
    <div class="report">
      <Notice tone={told.tone} title={told.title}>
        <p>{told.says}</p>
      </Notice>
      <p class="report-of">
        {report.against === null ? "Nothing was live when it was made." : <>Compared with <a href={href("releases", report.against)}>release {report.against}</a>, which was live when it was made.</>}{" "}
        Judged in {lasted(report.seconds)}.
      </p>
      {exam !== null && after !== null && exam.n > 0 && (
        <section aria-labelledby="exam-title">
          <h2 id="exam-title">The exam</h2>
          <p class="section-lead">
            {count(exam.n, "question")} that nothing is trained on, {after.n_answerable} of them with an article. Under each share: the range in which the true share lies, 95 times of 100.
          </p>
          <FigureTable report={report} />
        </section>
      )}
      {exam !== null && ((exam.after_curve?.length ?? 0) > 0 || (exam.reliability_after?.length ?? 0) > 0) && (
        <section aria-labelledby="trust-title">
          <h2 id="trust-title">How far it can be trusted</h2>
          <div class="charts">
            {exam.after_curve != null && exam.after_curve.length > 0 && (
              <CoverageRisk before={exam.before_curve != null && exam.before_curve.length > 0 ? exam.before_curve : null} after={exam.after_curve} risk={risk} stands={stands} />
            )}
            {exam.reliability_after != null && exam.reliability_after.length > 0 && <Reliability bins={exam.reliability_after} />}
          </div>
        </section>
      )}
      {exam?.confusions_after != null && exam.confusions_after.length > 0 && (
        <section aria-labelledby="confusions-title">
          <h2 id="confusions-title">Articles taken for each other</h2>
          <ConfusionMatrix confusions={exam.confusions_after} titleOf={titles} />
        </section>
      )}
      <QuestionByQuestion api={session.api} report={report} titleOf={titles} refused={session.refused} />
      {golden !== null && (
        <section aria-labelledby="golden-title">
          <h2 id="golden-title">Test conversations</h2>
          <p class="section-lead">
            {golden.failed.length === 0
              ? golden.passed === 0
                ? "There are none."
                : `All ${golden.passed} went as they should.`
              : `${golden.failed.length} of ${golden.passed + golden.failed.length} failed.`}
          </p>
          {golden.failed.length > 0 && (
            <ul class="failed">
              {golden.failed.map((test) => (
                <li key={test.name}>
                  <strong>{test.name}</strong> <span dir="auto">{test.problem}</span>
                </li>
              ))}
            </ul>
          )}
        </section>
      )}
      {latency !== null && (
        <section aria-labelledby="latency-title">
          <h2 id="latency-title">Speed</h2>
          <p class="section-lead">{latencyWords(latency)}</p>
        </section>
      )}
    </div>
  );
}

const LEANS = { better: "Better", worse: "Worse", same: "Same" } as const;

function FigureTable({ report }: { report: Report }): VNode | null {
  if (report.exam === null) return null;
  const compared = report.exam.before !== null;
  return (
    <div class="table-room">
      <table class="table exam-figures">
        <caption class="sr">Figures of the exam before and after, with 95 % intervals</caption>
        <thead>
          <tr>
            <th scope="col">Figure</th>
            {compared && <th scope="col">Before</th>}
            <th scope="col">{compared ? "After" : "This release"}</th>
            {compared && <th scope="col">Change</th>}
          </tr>
        </thead>
        <tbody>
          {figureRows(report.exam.before, report.exam.after).map((row) => (
            <tr key={row.label}>
              <th scope="row">
                {row.label}
                <small>{row.means}</small>
              </th>
              {compared && <FigureCell name="Before" told={row.before} />}
              <FigureCell name={compared ? "After" : "This release"} told={row.after} />
              {compared && (
                <td data-name="Change">
                  <Badge tone={row.lean === "better" ? "good" : row.lean === "worse" ? "bad" : "plain"}>{LEANS[row.lean]}</Badge> {row.lean === "same" ? "" : row.change}
                  {row.lean !== "same" && !row.sure && <small>could be chance</small>}
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function FigureCell({ name, told }: { name: string; told: { share: string; within: string } }): VNode {
  return (
    <td data-name={name}>
      {told.share} {told.within !== "" && <small>{told.within}</small>}
    </td>
  );
}

function Onwards({ session, release, live, changed }: { session: Studio; release: Release; live: Release | null; changed: () => void }): VNode {
  const [open, setOpen] = useState<"publish" | "canary" | null>(null);
  const close = (): void => setOpen(null);
  const done = (text: string): void => {
    close();
    session.tell(text);
    changed();
  };
  if (release.problem !== null)
    return (
      <Notice tone="bad" title="This release cannot be used">
        <p>{release.problem}</p>
      </Notice>
    );
  return (
    <section class="onwards" aria-labelledby="onwards-title">
      <h2 id="onwards-title">And now?</h2>
      <p class="section-lead">{release.canary ? "It is on trial with a share of new conversations." : "Publish it for everybody, or try it on a share of new conversations first."}</p>
      <div class="row-actions">
        <Button kind="primary" onClick={() => setOpen("publish")}>
          Publish
        </Button>
        {live !== null && !release.canary && <Button onClick={() => setOpen("canary")}>Start a canary</Button>}
        <a class="button" href={href("try", null, { release: release.id })}>
          Try it
        </a>
      </div>
      {open === "publish" && <PublishDialog api={session.api} release={release} live={live} close={close} done={done} refused={session.refused} />}
      {open === "canary" && <CanaryDialog api={session.api} release={release} close={close} done={done} refused={session.refused} />}
    </section>
  );
}
